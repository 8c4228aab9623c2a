import { createLogger } from '#observability';
import { newTestJob, startChildWorker, startTestRedis, TcpProxy, until } from '#testing';
import type { SourceProcess, TestRedis } from '#testing';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobRecord } from '#contracts';
import { decodeJobRecord } from '../job-record-codec.js';
import { createJobSubmitter } from '../job-submitter.js';
import type { JobSubmitter, NewJob } from '../queue.types.js';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { reportWorkerDeath } from '../report-worker-death.js';

/** Locks have to run out and processes to start, on a machine that may be busy. */
const RECOVERY_TIMEOUT_MS = 60_000;
const TOKENS = 120;
const WHOLE_TEXT = Array.from({ length: TOKENS }, (_, i) => `${i} `).join('');
const SLOWLY = { tokens: TOKENS, tokenMs: 100 };
const FAST = { tokens: TOKENS, tokenMs: 2 };

describe('jobs whose worker is lost', { timeout: 3 * RECOVERY_TIMEOUT_MS }, () => {
  let server: TestRedis;
  let redis: Redis;
  let submitter: JobSubmitter;
  let children: SourceProcess[];
  let proxies: TcpProxy[];

  beforeAll(async () => {
    server = await startTestRedis();
    redis = connectRedis(server.url, 'worker');
  });
  beforeEach(async () => {
    await redis.flushall();
    submitter = await createJobSubmitter({
      redisUrl: server.url,
      maxQueuedJobs: 100,
      logger: createLogger('test', 'silent'),
    });
    children = [];
    proxies = [];
  });
  afterEach(async () => {
    await Promise.all(children.map((child) => child.kill9()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await submitter.close();
  });
  afterAll(async () => {
    redis.disconnect();
    await server.close();
  });

  const startChild = async (options: Parameters<typeof startChildWorker>[1], redisUrl = server.url) => {
    const child = await startChildWorker(redisUrl, options);
    children.push(child);
    return child;
  };
  const submit = async (overrides: Partial<NewJob> = {}) => submitter.submit(newTestJob(overrides));
  const stored = async ({ id }: JobRecord) => decodeJobRecord(await redis.hgetall(redisKeys.job(id)));
  const whenStatus = (job: JobRecord, status: string) =>
    until(async () => (await stored(job))?.status === status, RECOVERY_TIMEOUT_MS);
  const texts = async ({ id }: JobRecord) => {
    const entries = await redis.xrange(redisKeys.events(id), '-', '+');
    return entries
      .map(([, fields]) => (fields[1] === 'token' ? (fields[3] ?? '') : ''))
      .filter((text) => text !== '');
  };
  const whenItSaid = (job: JobRecord, tokens: number) =>
    until(async () => (await texts(job)).length >= tokens, RECOVERY_TIMEOUT_MS);
  /** The claim of them all: the text goes on where the lost worker left it, without gap or repeat. */
  const expectUndisturbedText = async (job: JobRecord) => {
    expect((await texts(job)).join('')).toBe(WHOLE_TEXT);
    expect(await stored(job)).toMatchObject({ status: 'succeeded', choices: [{ text: WHOLE_TEXT }] });
  };

  it('are all finished after a kill -9, each once and by one worker, from where they stood', async () => {
    const victim = await startChild({ slots: 8, ...SLOWLY });
    const jobs = await Promise.all(
      Array.from({ length: 8 }, () => submit({ webhook: { url: 'https://a.example' } })),
    );
    for (const job of jobs) await whenItSaid(job, 3);
    const heir = await startChild({ slots: 8, ...FAST });
    await victim.kill9();

    for (const job of jobs) await whenStatus(job, 'succeeded');
    for (const job of jobs) {
      await expectUndisturbedText(job);
      expect((await stored(job))?.attempt).toBe(2);
      expect(heir.lines.filter((line) => line === `start ${job.id}`)).toHaveLength(1);
    }
    expect((await redis.lrange(redisKeys.webhookOutbox, 0, -1)).toSorted()).toEqual(
      jobs.map(({ id }) => `${id} job.succeeded 0`).toSorted(),
    );
  });

  it('are not harmed by a worker that was frozen past its lock: what it writes late is refused and counted', async () => {
    const frozen = await startChild({ slots: 1, ...SLOWLY, temper: 'stubborn' });
    const job = await submit();
    await whenItSaid(job, 3);
    frozen.signal('SIGSTOP');
    await startChild({ slots: 1, ...FAST });
    await whenStatus(job, 'succeeded');
    const record = await redis.hgetall(redisKeys.job(job.id));
    frozen.signal('SIGCONT');
    await frozen.waitForLine('late append');
    await frozen.waitForLine('late finish');
    await expectUndisturbedText(job);
    expect(await redis.hgetall(redisKeys.job(job.id))).toEqual(record);
  });

  it('are not harmed by a worker cut off from Redis, whose writes arrive when the network heals', async () => {
    const proxy = await TcpProxy.open(Number(new URL(server.url).port));
    proxies.push(proxy);
    const isolated = await startChild(
      { slots: 1, ...SLOWLY, temper: 'stubborn' },
      `redis://127.0.0.1:${proxy.port}`,
    );
    const job = await submit();
    await whenItSaid(job, 3);
    proxy.silence();
    await startChild({ slots: 1, ...FAST });
    await whenStatus(job, 'succeeded');
    const record = await redis.hgetall(redisKeys.job(job.id));
    proxy.heal();
    await isolated.waitForLine('late finish');
    await expectUndisturbedText(job);
    expect(await redis.hgetall(redisKeys.job(job.id))).toEqual(record);
  });

  it('are taken over without waiting for their lock once a supervisor has reported the death', async () => {
    const victim = await startChild({ slots: 2, ...SLOWLY });
    const jobs = [await submit(), await submit()];
    for (const job of jobs) await whenItSaid(job, 2);
    await startChild({ slots: 2, ...FAST });
    await victim.kill9();
    const jobsHeld = jobs.map(({ id }) => ({ jobId: id, attempt: 1 }));
    const noted = await reportWorkerDeath(server.url, {
      ...DEATH,
      signal: 'SIGKILL',
      blamed: false,
      jobsInStep: [],
      jobsHeld,
    });
    expect(noted).toHaveLength(2);
    for (const job of jobs) expect(await redis.exists(redisKeys.bull.lock(job, job.id))).toBe(0);
    for (const job of jobs) await whenStatus(job, 'succeeded');
    for (const job of jobs) await expectUndisturbedText(job);
  });

  it('finish beside a poison job, which is quarantined after its second victim', async () => {
    const first = await startChild({ slots: 4, ...SLOWLY });
    const companions = [await submit(), await submit(), await submit()];
    for (const job of companions) await whenItSaid(job, 2);
    const poison = await submit({ metadata: { deadly: 'yes' } });
    expect(await first.exited).toMatchObject({ signal: 'SIGSEGV' });
    const all = [...companions, poison];
    const inStep = all.map(({ id }) => id);
    const jobsHeld = inStep.map((jobId) => ({ jobId, attempt: 1 }));
    await reportWorkerDeath(server.url, { ...DEATH, blamed: true, jobsInStep: inStep, jobsHeld });

    // One slot: suspects run alone.
    const second = await startChild({ slots: 1, ...FAST });
    expect(await second.exited).toMatchObject({ signal: 'SIGSEGV' });
    const held = { jobId: poison.id, attempt: (await stored(poison))?.attempt ?? 0 };
    await reportWorkerDeath(server.url, {
      ...DEATH,
      workerId: 'w2',
      blamed: true,
      jobsInStep: [poison.id],
      jobsHeld: [held],
    });

    await startChild({ slots: 1, ...FAST });
    for (const job of companions) await whenStatus(job, 'succeeded');
    for (const job of companions) await expectUndisturbedText(job);
    await whenStatus(poison, 'failed');
    expect(await stored(poison)).toMatchObject({
      failure: { code: 'quarantined' },
      deaths: [
        { workerId: 'w1', signal: 'SIGSEGV', jobsInStep: 4 },
        { workerId: 'w2', signal: 'SIGSEGV', jobsInStep: 1 },
      ],
    });
    expect(await redis.zrange(redisKeys.deadLetters(poison.tenant), 0, '-1')).toEqual([poison.id]);
  });
});

const DEATH = {
  workerId: 'w1',
  model: 'tiny',
  variant: '6_5',
  atMs: 1,
  signal: 'SIGSEGV',
  exitCode: null,
  memoryBytes: 1_000_000,
  lastStep: 'decode',
} as const;
