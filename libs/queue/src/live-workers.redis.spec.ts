import type { WorkerHeartbeat } from '#contracts';
import { newTestHeartbeat, startTestRedis, type TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { LiveWorkers } from './live-workers.js';
import { connectRedis, whenReady } from './redis-connection.js';
import { publishHeartbeat, withdrawHeartbeat } from './worker-registry.js';

let server: TestRedis;
let redis: Redis;
const HOUR_MS = 3_600_000;

beforeAll(async () => {
  server = await startTestRedis('auto');
  redis = connectRedis(server.url, 'worker');
});
beforeEach(() => redis.flushall());
afterAll(async () => {
  redis.disconnect();
  await server.close();
});

const heartbeat = (workerId: string) => newTestHeartbeat({ workerId });
const idsOf = (workers: readonly WorkerHeartbeat[]) => workers.map(({ workerId }) => workerId);

it('are read once for all who take an answer of a while ago, and anew for who does not', async () => {
  const workers = new LiveWorkers(redis);
  await publishHeartbeat(redis, heartbeat('a'));
  expect(idsOf(await workers.read(Date.now(), HOUR_MS))).toEqual(['a']);
  await withdrawHeartbeat(redis, 'a');
  await publishHeartbeat(redis, heartbeat('b'));
  expect(idsOf(await workers.read(Date.now(), HOUR_MS))).toEqual(['a']);
  expect(idsOf(await workers.read(Date.now()))).toEqual(['b']);
  expect(idsOf(await workers.read(Date.now(), HOUR_MS))).toEqual(['b']);
});

it('are read again after a read that failed', async () => {
  const late = connectRedis(server.url, 'api');
  const workers = new LiveWorkers(late);
  // Not connected yet.
  await expect(workers.read(Date.now(), HOUR_MS)).rejects.toThrow('writeable');
  await publishHeartbeat(redis, heartbeat('a'));
  expect(await whenReady(late, 10_000)).toBe(true);
  expect(idsOf(await workers.read(Date.now(), HOUR_MS))).toEqual(['a']);
  late.disconnect();
});
