import type { JobStatus } from '#contracts';
import type { Redis } from 'ioredis';
import type { QueuedJob } from '../bull-queues.js';
import { pipelineReplies } from '../pipeline-replies.js';
import { redisKeys } from '../redis-keys.js';
import { keptMs } from '../scripts/prelude/ending.lua.js';
import { storedValue } from '../stored-value.js';
import type { WatchedJob } from './plan-review.js';

const LOOKED_AT = [
  'model',
  'variant',
  'status',
  'priority',
  'attempt',
  'createdAtMs',
  'startedAtMs',
  'startByMs',
  'timeoutMs',
  'finishedAtMs',
  'ttlMs',
] as const;

/** What the review finds of a job. */
export interface LookedAtJob {
  readonly queued: QueuedJob;
  readonly job: WatchedJob;
}

/** Reads the jobs in two round trips, however many they are. */
export async function lookAtJobs(redis: Redis, jobIds: readonly string[]): Promise<LookedAtJob[]> {
  const records = await pipelineReplies<(string | null)[][]>(
    redis.pipeline(jobIds.map((jobId) => ['hmget', redisKeys.job(jobId), ...LOOKED_AT])),
  );
  const queued = records.map((values, i) => queuedJobOf(jobIds[i] ?? '', values));
  const found = await pipelineReplies<number[]>(
    redis.pipeline(
      queued.flatMap((ref) => [
        ['exists', redisKeys.bull.lock(ref, ref.jobId)],
        ['exists', redisKeys.bull.job(ref, ref.jobId)],
      ]),
    ),
  );
  return queued.map((ref, i) => ({
    queued: ref,
    job: watchedJobOf(records[i] ?? [], found[2 * i] === 1, found[2 * i + 1] === 1),
  }));
}

function queuedJobOf(jobId: string, values: readonly (string | null)[]): QueuedJob {
  return {
    jobId,
    model: field(values, 'model') ?? '',
    variant: field(values, 'variant') ?? '',
    priority: Number(field(values, 'priority')),
    attempt: Number(field(values, 'attempt')),
  };
}

function watchedJobOf(values: readonly (string | null)[], held: boolean, inQueue: boolean): WatchedJob {
  const startedAtMs = time(values, 'startedAtMs');
  const timeoutMs = time(values, 'timeoutMs');
  const timesOutAtMs = startedAtMs === null || timeoutMs === null ? null : startedAtMs + timeoutMs;
  return {
    status: storedValue<JobStatus | null>(field(values, 'status')) ?? undefined,
    createdAtMs: time(values, 'createdAtMs') ?? 0,
    waitsUntilMs: startedAtMs === null ? time(values, 'startByMs') : timesOutAtMs,
    expiresAtMs: (time(values, 'finishedAtMs') ?? 0) + keptMs(time(values, 'ttlMs') ?? 0),
    held,
    inQueue,
  };
}

function field(values: readonly (string | null)[], name: (typeof LOOKED_AT)[number]): string | null {
  return values[LOOKED_AT.indexOf(name)] ?? null;
}

function time(values: readonly (string | null)[], name: (typeof LOOKED_AT)[number]): number | null {
  const text = field(values, name);
  return text === null ? null : Number(text);
}
