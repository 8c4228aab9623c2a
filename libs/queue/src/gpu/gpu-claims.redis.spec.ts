import { createLogger } from '#observability';
import { startTestRedis, until, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { GpuClaims } from './gpu-claims.js';

const HOST = 'host';
const GPUS = ['gpu-a', 'gpu-b'] as const;

describe.each(['auto', 'embedded'] as const)('claims on GPUs (%s Redis)', (mode) => {
  let server: TestRedis;
  let redis: Redis;

  beforeAll(async () => {
    server = await startTestRedis(mode);
    redis = connectRedis(server.url, 'worker');
  });
  afterEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  function newWorker(workerId: string, host = HOST): GpuClaims {
    const claims = new GpuClaims({
      redisUrl: server.url,
      holder: { workerId, model: 'tiny', variant: '6_5', sinceMs: 1 },
      logger: createLogger('test', 'silent'),
      host,
    });
    onTestFinished(() => claims.close());
    return claims;
  }

  it('go to the best free GPU, one worker each, and name the holders when all are taken', async () => {
    expect(await newWorker('w1').claimFirstFree(GPUS)).toEqual({ kind: 'claimed', uuid: 'gpu-a' });
    expect(await newWorker('w2').claimFirstFree(GPUS)).toEqual({ kind: 'claimed', uuid: 'gpu-b' });
    expect(await newWorker('w3').claimFirstFree(GPUS)).toMatchObject({
      kind: 'held',
      holders: [{ workerId: 'w1' }, { workerId: 'w2' }],
    });
  });

  it('are never given twice, however many workers ask at once', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => newWorker(`w${index}`).claimFirstFree(GPUS)),
    );
    const claimed = outcomes.flatMap((outcome) => (outcome.kind === 'claimed' ? [outcome.uuid] : []));
    expect(claimed.toSorted()).toEqual([...GPUS]);
  });

  it('are of one host: another one’s GPUs may have the same ids', async () => {
    expect(await newWorker('w1').claimFirstFree(['gpu-a'])).toMatchObject({ kind: 'claimed' });
    expect(await newWorker('w2', 'other').claimFirstFree(['gpu-a'])).toMatchObject({ kind: 'claimed' });
  });

  it('end with their worker’s exit, and run out where it is silent', async () => {
    const leaving = newWorker('w1');
    await leaving.claimFirstFree(['gpu-a']);
    expect(await redis.pttl(redisKeys.gpu(HOST, 'gpu-a'))).toBeGreaterThan(0);
    await leaving.close();
    expect(await newWorker('w2').claimFirstFree(['gpu-a'])).toMatchObject({ kind: 'claimed' });
  });

  it('are renewed while their worker lives', async () => {
    const key = redisKeys.gpu(HOST, 'gpu-a');
    await newWorker('w1').claimFirstFree(['gpu-a']);
    await redis.pexpire(key, 4_000);
    await expect.poll(() => redis.pttl(key)).toBeGreaterThan(4_000);
  });

  it('do not keep out a worker that was told its GPU, and wait for it to be free', async () => {
    const key = redisKeys.gpu(HOST, 'gpu-a');
    const owner = newWorker('w1');
    await owner.claimFirstFree(['gpu-a']);
    const guest = newWorker('w2');
    guest.share('gpu-a');
    await owner.close();
    await until(async () => (await redis.get(key))?.includes('"w2"') === true);
    await guest.close();
    expect(await redis.get(key)).toBeNull();
  });

  it('of others are left alone by a worker that shared their GPU', async () => {
    const key = redisKeys.gpu(HOST, 'gpu-a');
    await newWorker('w1').claimFirstFree(['gpu-a']);
    const guest = newWorker('w2');
    expect(await guest.claimFirstFree(['gpu-a'])).toMatchObject({ kind: 'held' });
    guest.share('gpu-a');
    await guest.close();
    expect(await redis.get(key)).toContain('"w1"');
  });
});
