import { newJobId, type FinishedAttempt, type NewJob } from '#queue';

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
    createdAtMs,
    ...overrides,
  };
}

/** The end of an attempt that generated `text`, a token a character. */
export function succeededAttempt(text: string, overrides: Partial<FinishedAttempt> = {}): FinishedAttempt {
  return {
    status: 'succeeded',
    text,
    finishReason: 'stop',
    usage: { promptTokens: 3, completionTokens: text.length, cachedTokens: 0 },
    timings: { timeToFirstTokenMs: 5, prefillMs: 4, decodeMs: 9, resumedTokens: 0 },
    failure: null,
    finishedAtMs: Date.now(),
    ...overrides,
  };
}
