import type { ChoiceRecord, JobRecord } from '#contracts';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeFlatRecord,
  decodeJobRecord,
  encodeFinishedAttempt,
  encodeJobRecord,
  newJobRecord,
} from './job-record-codec.js';
import { newTestJob, succeededAttempt, testChoices } from '#testing';

const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const count = fc.nat();
const text = fc.string({ unit: 'binary' });

const logprob = { tokenId: count, token: text, bytes: fc.array(count), logprob: fc.integer() };
const choices: fc.Arbitrary<ChoiceRecord> = fc.record({
  text,
  finishReason: fc.constantFrom('stop', 'length', 'tool_calls', 'cancelled', 'deadline', 'error'),
  logprobs: orNull(fc.array(fc.record({ ...logprob, top: fc.array(fc.record(logprob)) }))),
  toolCalls: orNull(
    fc.array(
      fc.record({
        id: text,
        type: fc.constant('function'),
        function: fc.record({ name: text, arguments: text }),
      }),
    ),
  ),
});

const records: fc.Arbitrary<JobRecord> = fc.record({
  id: fc.stringMatching(/^job_[0-9a-f]{32}$/),
  tenant: fc.string({ minLength: 1 }),
  status: fc.constantFrom('queued', 'running', 'succeeded', 'failed', 'cancelled', 'expired'),
  model: fc.string({ minLength: 1 }),
  variant: fc.constant('6_5'),
  input: fc.record({ prompt: text, seed: count }),
  webhook: orNull(fc.record({ url: fc.webUrl() })),
  metadata: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    text,
    { noNullPrototype: true },
  ),
  priority: fc.integer({ min: 1, max: 9 }),
  startByMs: orNull(count),
  timeoutMs: orNull(count),
  ttlMs: count,
  promptTokens: count,
  maxTokens: count,
  choiceCount: count,
  createdAtMs: count,
  startedAtMs: orNull(count),
  finishedAtMs: orNull(count),
  attempt: count,
  tries: count,
  retries: count,
  deaths: fc.array(
    fc.record({
      workerId: fc.string(),
      atMs: count,
      signal: orNull(fc.constantFrom('SIGSEGV', 'SIGKILL')),
      exitCode: orNull(count),
      memoryBytes: orNull(count),
      lastStep: orNull(fc.string()),
      jobsInStep: count,
    }),
    { maxLength: 2 },
  ),
  cancelRequestedAtMs: orNull(count),
  choices: orNull(fc.array(choices)),
  usage: orNull(fc.record({ promptTokens: count, completionTokens: count, cachedTokens: count })),
  timings: orNull(
    fc.record({ timeToFirstTokenMs: orNull(count), prefillMs: count, decodeMs: count, resumedTokens: count }),
  ),
  failure: orNull(fc.record({ code: fc.constantFrom('quarantined', 'engine_error'), message: text })),
});

const field = (flat: readonly string[], name: string) => {
  const at = flat.findIndex((value, i) => i % 2 === 0 && value === name);
  return at < 0 ? undefined : flat[at + 1];
};

describe('job record codec', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(decodeFlatRecord(encodeJobRecord(record))).toEqual(record);
      }),
    );
  });

  it('knows no record in an empty hash', () => {
    expect(decodeJobRecord({})).toBeUndefined();
  });

  it('notes the events that a webhook wants', () => {
    const notify = (webhook: JobRecord['webhook']) =>
      field(encodeJobRecord(newJobRecord(newTestJob({ webhook }))), 'notify');
    const url = 'https://example.com/hook';
    expect(notify(null)).toBeUndefined();
    expect(notify({ url })).toBe('job.succeeded,job.failed,job.cancelled,job.expired');
    expect(notify({ url, events: ['job.failed'] })).toBe('job.failed');
  });

  it('keeps an empty answer apart from no answer', () => {
    const none = { promptTokens: 3, completionTokens: 0, cachedTokens: 0 };
    const choicesOf = (end: ReturnType<typeof succeededAttempt>) =>
      field(encodeFinishedAttempt(end), 'choices');
    expect(choicesOf(succeededAttempt('', { usage: none }))).toBe(JSON.stringify(testChoices('')));
    expect(choicesOf(succeededAttempt('', { usage: none, status: 'failed' }))).toBeUndefined();
    expect(choicesOf(succeededAttempt('part', { status: 'cancelled' }))).toBe(
      JSON.stringify(testChoices('part')),
    );
  });
});
