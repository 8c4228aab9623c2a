import type { JobRecord } from '#contracts';
import { testChoices } from '#testing';

/** A job that has ended, for specs. */
export function finishedJob(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    id: 'job_1',
    tenant: 'public',
    status: 'succeeded',
    model: 'drover-tiny',
    variant: '6_5',
    input: { messages: [{ role: 'user', content: 'What is 27 + 58?' }] },
    webhook: { url: 'https://hook.example/' },
    metadata: { customer: '42' },
    priority: 5,
    startByMs: null,
    timeoutMs: null,
    ttlMs: 86_400_000,
    promptTokens: 12,
    maxTokens: 64,
    choiceCount: 1,
    createdAtMs: Date.parse('2026-11-24T12:00:00Z'),
    startedAtMs: Date.parse('2026-11-24T12:00:01Z'),
    finishedAtMs: Date.parse('2026-11-24T12:00:03Z'),
    attempt: 1,
    tries: 0,
    retries: 0,
    deaths: [],
    cancelRequestedAtMs: null,
    choices: testChoices('It is 85.'),
    usage: { promptTokens: 12, completionTokens: 4, cachedTokens: 0 },
    timings: { timeToFirstTokenMs: 9, prefillMs: 5, decodeMs: 12, resumedTokens: 0 },
    failure: null,
    ...changes,
  };
}
