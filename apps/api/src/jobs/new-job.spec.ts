import { expect, it } from 'vitest';
import type { SubmitJobRequest } from '#contracts';
import { toNewJob } from './new-job.js';

const identity = { id: 'job_1', tenant: 'public', nowMs: Date.parse('2026-12-01T10:00:00.000Z') };
const placement = { model: 'tiny', variant: '6_5', promptTokens: 3, maxTokens: 16 };
const request: SubmitJobRequest = { model: 'tiny', input: { prompt: 'Hi' } };

it('fills in what the request leaves out', () => {
  expect(toNewJob(request, identity, placement)).toMatchObject({
    priority: 5,
    ttlMs: 86_400_000,
    timeoutMs: null,
    startByMs: null,
    webhook: null,
    metadata: {},
    variant: '6_5',
    promptTokens: 3,
    maxTokens: 16,
  });
});

it('turns seconds and times into milliseconds', () => {
  const timed = { ...request, timeout_s: 0.0005, ttl_s: 60, start_by: '2026-12-01T11:00:01+01:00' };
  expect(toNewJob(timed, identity, placement)).toMatchObject({
    timeoutMs: 1,
    ttlMs: 60_000,
    startByMs: identity.nowMs + 1_000,
  });
});

it('refuses a start that is past', () => {
  const late = { ...request, start_by: '2026-12-01T10:00:00.000Z' };
  expect(() => toNewJob(late, identity, placement)).toThrow(/in the past/);
});
