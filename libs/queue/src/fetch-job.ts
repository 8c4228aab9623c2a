import { isFinalJobStatus, type JobRecord } from '#contracts';
import type { Redis } from 'ioredis';
import { RedisJobLifecycle } from './job-lifecycle.js';
import { decodeJobRecord } from './job-record-codec.js';
import { redisKeys } from './redis-keys.js';

/**
 * The tenant's job as its client gets it. One that is to be gone once fetched goes with this if it has ended: of two
 * readers one gets it.
 */
export async function fetchJob(
  redis: Redis,
  tenant: string,
  jobId: string,
  nowMs: number,
): Promise<JobRecord | undefined> {
  const job = visibleJob(tenant, await redis.hgetall(redisKeys.job(jobId)));
  if (job === undefined || !goesOnceFetched(job)) return job;
  return new RedisJobLifecycle(redis).fetch(tenant, { ...job, jobId }, nowMs);
}

/** The record in a hash, if its tenant may see it: it is theirs and has not been fetched away. */
export function visibleJob(tenant: string, hash: Readonly<Record<string, string>>): JobRecord | undefined {
  return hash['tenant'] === tenant && hash['fetchedAtMs'] === undefined ? decodeJobRecord(hash) : undefined;
}

/** The job for readers that do not fetch it: its output is kept from them if one look is all there is. */
export function withheld(job: JobRecord): JobRecord {
  return goesOnceFetched(job) ? { ...job, choices: null } : job;
}

function goesOnceFetched({ ttlMs, status }: JobRecord): boolean {
  return ttlMs === 0 && isFinalJobStatus(status);
}
