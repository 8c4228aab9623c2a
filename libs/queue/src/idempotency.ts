import type { Redis } from 'ioredis';
import type { IdempotencyClaim, IdempotencyKeys } from './queue.types.js';
import { orUnavailable } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { plainScript, runScript } from './scripts/redis-script.js';
import { storedValue } from './stored-value.js';

const KEPT_MS = 24 * 60 * 60 * 1_000;
/** After this long an unfinished claim counts as abandoned: its process died. */
const CLAIM_MS = 30_000;

/**
 * Claims a key for one job and body.
 *
 * KEYS 1 claim · 2 record of the job of an earlier claim, if the caller knows it
 * ARGV 1 body digest · 2 job id · 3 now (ms) · 4 kept for (ms) · 5 claim lasts (ms) · 6 job of that earlier claim
 * Returns {'claimed' | 'in-progress' | 'different-body'}, {'replay', job} or {'look', job}: look whether that job exists.
 */
const claimScript = plainScript(`
local held = redis.call('HMGET', KEYS[1], 'body', 'job', 'done', 'atMs')
local body, job, done, atMs = held[1], held[2], held[3], held[4]
if body and body ~= ARGV[1] then return { 'different-body' } end
if done then return { 'replay', job } end
if job and tonumber(ARGV[3]) - tonumber(atMs) < tonumber(ARGV[5]) then return { 'in-progress' } end
if job and job ~= ARGV[6] then return { 'look', job } end
if job and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HSET', KEYS[1], 'done', '1')
  return { 'replay', job }
end
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'job', ARGV[2], 'atMs', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'claimed' }
`);

/** KEYS 1 claim · ARGV 1 job id */
const completeScript = plainScript(`
if redis.call('HGET', KEYS[1], 'job') == ARGV[1] then redis.call('HSET', KEYS[1], 'done', '1') end
`);

/** KEYS 1 claim · ARGV 1 job id */
const releaseScript = plainScript(`
local held = redis.call('HMGET', KEYS[1], 'job', 'done')
if held[1] == ARGV[1] and not held[2] then redis.call('DEL', KEYS[1]) end
`);

/** Idempotency keys by tenant; a claim is kept for a day. */
export class RedisIdempotencyKeys implements IdempotencyKeys {
  constructor(private readonly redis: Redis) {}

  claim(
    tenant: string,
    key: string,
    bodySha256: string,
    jobId: string,
    nowMs: number,
  ): Promise<IdempotencyClaim> {
    return orUnavailable(async () => {
      const claimKey = redisKeys.idempotency(tenant, key);
      let earlierJobId = '';
      for (;;) {
        const keys = [claimKey, redisKeys.job(earlierJobId)];
        const args = [bodySha256, jobId, nowMs, KEPT_MS, CLAIM_MS, earlierJobId];
        const [kind, job] = storedValue<[IdempotencyClaim['kind'] | 'look', string?]>(
          await runScript(this.redis, claimScript, keys, args),
        );
        if (kind === 'look') earlierJobId = job ?? '';
        else if (kind === 'replay') return { kind, jobId: job ?? '' };
        else return { kind };
      }
    });
  }

  async complete(tenant: string, key: string, jobId: string): Promise<void> {
    await orUnavailable(() =>
      runScript(this.redis, completeScript, [redisKeys.idempotency(tenant, key)], [jobId]),
    );
  }

  async release(tenant: string, key: string, jobId: string): Promise<void> {
    await orUnavailable(() =>
      runScript(this.redis, releaseScript, [redisKeys.idempotency(tenant, key)], [jobId]),
    );
  }
}
