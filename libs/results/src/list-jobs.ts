import type { JobRecord } from '#contracts';
import { pipelineReplies, redisKeys, visibleJob, withheld } from '#queue';
import type { Redis } from 'ioredis';
import type { JobPage, ListJobsQuery } from './results.types.js';

/** Most jobs looked at for one page; a filter that matches little would read a tenant's whole history. */
const SCAN_BOUND = 10_000;
const CHUNK = 250;

/** A page of a tenant's jobs, newest first. Job ids sort by age, so the last id of a page is its cursor. */
export async function listJobs(redis: Redis, query: ListJobsQuery): Promise<JobPage> {
  const { limit } = query;
  const found: string[] = [];
  let cursor = query.after;
  let scanned = 0;
  let exhausted = false;
  // One more than the page holds tells whether there is another page.
  while (found.length <= limit && scanned < SCAN_BOUND && !exhausted) {
    const from = cursor === undefined ? '+' : `(${cursor}`;
    const ids = await redis.zrevrangebylex(redisKeys.tenantJobs(query.tenant), from, '-', 'LIMIT', 0, CHUNK);
    found.push(...(await matching(redis, ids, query)));
    scanned += ids.length;
    cursor = ids.at(-1) ?? cursor;
    exhausted = ids.length < CHUNK;
  }
  const jobs = await readJobs(redis, query.tenant, found.slice(0, limit));
  const full = found.length > limit;
  const hasMore = full || !exhausted;
  return { jobs, hasMore, nextAfter: hasMore ? ((full ? found[limit - 1] : cursor) ?? null) : null };
}

/** Those of the ids whose job is still kept and fits the query. */
async function matching(redis: Redis, ids: readonly string[], query: ListJobsQuery): Promise<string[]> {
  const wanted = [query.status, query.model, query.variant];
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmget(redisKeys.job(id), 'status', 'model', 'variant', 'fetchedAtMs');
  const replies = await pipelineReplies<(string | null)[][]>(pipeline);
  return ids.filter((_, i) => {
    const fields = replies[i];
    return (
      fields?.[0] != null &&
      fields[3] == null &&
      wanted.every((value, k) => value === undefined || value === fields[k])
    );
  });
}

/** Those of the jobs that are still there, without outputs that are for one look only. */
export async function readJobs(redis: Redis, tenant: string, ids: readonly string[]): Promise<JobRecord[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hgetall(redisKeys.job(id));
  const hashes = await pipelineReplies<Record<string, string>[]>(pipeline);
  return hashes.flatMap((hash) => visibleJob(tenant, hash) ?? []).map(withheld);
}
