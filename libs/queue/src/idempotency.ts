import type { Redis } from 'ioredis';
import type { IdempotencyClaim, IdempotencyKeys } from './queue.types.js';
import { orUnavailable } from './redis-connection.js';
import { redisKeys } from './redis-keys.js';
import { plainScript, runScript, type RedisScript } from './scripts/redis-script.js';
import { storedValue } from './stored-value.js';

const KEPT_MS = 24 * 60 * 60 * 1_000;
/** After this long an unfinished claim counts as abandoned: its process died. */
const CLAIM_MS = 30_000;

/**
 * Claims a key for one job and body. Whoever takes up an abandoned claim makes the job under the id of the first, so
 * that both together make one.
 *
 * KEYS 1 claim · ARGV 1 body digest · 2 job id · 3 now (ms) · 4 kept for (ms) · 5 claim lasts (ms)
 * Returns {'in-progress' | 'different-body'}, {'replay', job, answer} or {'claimed', job}.
 */
const claimScript = plainScript(`
local held = redis.call('HMGET', KEYS[1], 'body', 'job', 'answer', 'atMs')
local body, job, answer, atMs = held[1], held[2], held[3], held[4]
if body and body ~= ARGV[1] then return { 'different-body' } end
if answer then return { 'replay', job, answer } end
if job and atMs and tonumber(ARGV[3]) - tonumber(atMs) < tonumber(ARGV[5]) then return { 'in-progress' } end
job = job or ARGV[2]
redis.call('HSET', KEYS[1], 'body', ARGV[1], 'job', job, 'atMs', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 'claimed', job }
`);

/** KEYS 1 claim · ARGV 1 job id · 2 answer; the first one stays. */
const completeScript = plainScript(`
if redis.call('HGET', KEYS[1], 'job') == ARGV[1] then redis.call('HSETNX', KEYS[1], 'answer', ARGV[2]) end
`);

/** KEYS 1 claim · ARGV 1 job id */
const releaseScript = plainScript(`
local held = redis.call('HMGET', KEYS[1], 'job', 'answer')
if held[1] == ARGV[1] and not held[2] then redis.call('DEL', KEYS[1]) end
`);

/** KEYS 1 claim · ARGV 1 job id */
const abandonScript = plainScript(`
if redis.call('HGET', KEYS[1], 'job') == ARGV[1] then redis.call('HDEL', KEYS[1], 'atMs') end
`);

/** Idempotency keys by tenant; a claim is kept for a day. */
export class RedisIdempotencyKeys implements IdempotencyKeys {
  constructor(private readonly redis: Redis) {}

  async claim(
    tenant: string,
    key: string,
    bodySha256: string,
    jobId: string,
    nowMs: number,
  ): Promise<IdempotencyClaim> {
    const args = [bodySha256, jobId, nowMs, KEPT_MS, CLAIM_MS];
    const reply = await this.#run(claimScript, tenant, key, args);
    const [kind, job = '', answer = ''] = storedValue<[IdempotencyClaim['kind'], string?, string?]>(reply);
    if (kind === 'claimed') return { kind, jobId: job };
    return kind === 'replay' ? { kind, jobId: job, answer } : { kind };
  }

  async complete(tenant: string, key: string, jobId: string, answer: string): Promise<void> {
    await this.#run(completeScript, tenant, key, [jobId, answer]);
  }

  async release(tenant: string, key: string, jobId: string): Promise<void> {
    await this.#run(releaseScript, tenant, key, [jobId]);
  }

  async abandon(tenant: string, key: string, jobId: string): Promise<void> {
    await this.#run(abandonScript, tenant, key, [jobId]);
  }

  #run(script: RedisScript, tenant: string, key: string, args: readonly (string | number)[]) {
    return orUnavailable(() => runScript(this.redis, script, [redisKeys.idempotency(tenant, key)], args));
  }
}
