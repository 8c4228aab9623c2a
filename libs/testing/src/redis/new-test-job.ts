import type { ChoiceRecord, FinishReason } from '#contracts';
import { newJobId, type FinishedAttempt, type NewJob, type TokenAppend } from '#queue';

/** A small valid job for model `tiny`, variant `6_5`, made now. */
export function newTestJob(overrides: Partial<NewJob> = {}): NewJob {
  const createdAtMs = overrides.createdAtMs ?? Date.now();
  return {
    id: newJobId(createdAtMs),
    tenant: 'public',
    model: 'tiny',
    variant: '6_5',
    input: { messages: [{ role: 'user', content: 'Hello!' }] },
    webhook: null,
    metadata: {},
    priority: 5,
    startByMs: null,
    timeoutMs: null,
    ttlMs: 60_000,
    promptTokens: 3,
    maxTokens: 16,
    choiceCount: 1,
    createdAtMs,
    ...overrides,
  };
}

/** The end of an attempt that generated `text`, a token a character. */
export function succeededAttempt(text: string, overrides: Partial<FinishedAttempt> = {}): FinishedAttempt {
  return {
    status: 'succeeded',
    choices: testChoices(text),
    usage: { promptTokens: 3, completionTokens: text.length, cachedTokens: 0 },
    timings: { timeToFirstTokenMs: 5, prefillMs: 4, decodeMs: 9, resumedTokens: 0 },
    failure: null,
    finishedAtMs: Date.now(),
    ...overrides,
  };
}

/** The output of a job with one text. */
export function testChoices(text: string, finishReason: FinishReason = 'stop'): ChoiceRecord[] {
  return [{ text, finishReason, logprobs: null, toolCalls: null }];
}

/** More of a job's first text. */
export function testAppend(
  append: Pick<TokenAppend, 'lease' | 'sequence' | 'text' | 'tokenIds'> & Partial<TokenAppend>,
): TokenAppend {
  return { index: 0, logprobs: [], finishReason: null, ...append };
}
