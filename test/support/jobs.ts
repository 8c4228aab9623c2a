import type { JobInput, JobView, SubmitJobRequest } from '#contracts';
import type { JobEventLine } from './drover-client.js';
import { MODEL } from './start-system.js';

/** `messages` of one question, greedy and deterministic. */
export function ask(variant: string, content: string, input: Partial<JobInput> = {}): SubmitJobRequest {
  return {
    model: MODEL,
    variant,
    input: { messages: [{ role: 'user', content }], temperature: 0, deterministic: true, ...input },
  };
}

/** Tokens of a job made by `askLong`: as many as the context of the default model leaves room for. */
export const LONG_TOKENS = 900;

/** A job that keeps a slot for a while: the model counts on and may not stop. */
export function askLong(variant: string, input: Partial<JobInput> = {}): SubmitJobRequest {
  return ask(variant, 'Count from 1 to 60.', { max_tokens: LONG_TOKENS, ignore_eos: true, ...input });
}

/** Text of the token events of one choice, in the order they came; of one attempt where it is named. */
export function streamedText(
  events: readonly JobEventLine[],
  { attempt, index = 0 }: { attempt?: number; index?: number } = {},
): string {
  return events
    .filter(({ event, data }) => event === 'token' && data.index === index)
    .filter(({ id }) => attempt === undefined || id.startsWith(`${attempt}-`))
    .map(({ data }) => data.text ?? '')
    .join('');
}

/** Status events by name, with the final `done` last. */
export function statusTrace(events: readonly JobEventLine[]): string[] {
  return events
    .filter(({ event }) => event !== 'token')
    .map(({ event, data }) => (event === 'done' ? `done ${data.status}` : (data.status ?? '')));
}

export function attemptsOf(jobs: readonly JobView[]): number[] {
  return jobs.map(({ attempt }) => attempt);
}
