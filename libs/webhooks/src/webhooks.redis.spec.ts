import 'reflect-metadata';
import { getQueueToken } from '@nestjs/bullmq';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { WebhookTarget } from '#contracts';
import { createApiMetrics, createLogger } from '#observability';
import { connectRedis, createJobSubmitter, newJobId, redisKeys, whenReady, type JobSubmitter } from '#queue';
import { requireNativeRedis, startTestRedis, type TestRedis } from '#testing';
import { enqueueDelivery } from './enqueue-delivery.js';
import { DeliveryLog, generateWebhookSecret, WebhooksModule, type WebhooksOptions } from './index.js';
import { MAX_LOG_ENTRIES } from './delivery-log.js';
import { ServiceSecret } from './service-secret.js';
import { WEBHOOK_QUEUE } from './webhook.processor.js';
import { startWebhookReceiver, type WebhookReceiver } from './webhook-receiver.fixture.js';

const logger = createLogger('spec', 'silent');
const secret = generateWebhookSecret();
const shortSchedule = { delaysMs: [0, 40, 40, 40], jitter: 0.1 };

let server: TestRedis;
let redis: Redis;
let jobs: JobSubmitter;
let receiver: WebhookReceiver;
const replicas: TestingModule[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis(server.url, 'api');
  await whenReady(redis, 5_000);
  jobs = await createJobSubmitter({ redisUrl: server.url, maxQueuedJobs: 1_000, logger });
});

beforeEach(async (context) => {
  requireNativeRedis(context, server);
  receiver = await startWebhookReceiver();
});

afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.close()));
  await receiver.close();
  await redis.flushall();
});

afterAll(async () => {
  await jobs.close();
  redis.disconnect();
  await server.close();
});

/** What one API process runs. */
async function startReplica(options: Partial<WebhooksOptions> = {}) {
  const metrics = createApiMetrics();
  const replica = await Test.createTestingModule({
    imports: [
      WebhooksModule.forRoot({
        redisUrl: server.url,
        allowPrivate: true,
        timeoutMs: 2_000,
        schedule: shortSchedule,
        metrics,
        logger,
        ...options,
      }),
    ],
  }).compile();
  replicas.push(replica);
  await replica.init();
  const queue: Queue = replica.get(getQueueToken(WEBHOOK_QUEUE));
  return { metrics, queue, log: replica.get(DeliveryLog) };
}

/** Ends a job for good, by way of the queue: submitted and cancelled before any worker had it. */
async function endJob(webhook: WebhookTarget): Promise<string> {
  const id = newJobId(Date.now());
  await jobs.submit({
    id,
    tenant: 'public',
    model: 'drover-tiny',
    variant: '6_5',
    input: { messages: [{ role: 'user', content: 'Hello' }] },
    webhook,
    metadata: {},
    priority: 5,
    startByMs: null,
    timeoutMs: null,
    ttlMs: 60_000,
    promptTokens: 3,
    maxTokens: 16,
    createdAtMs: Date.now(),
  });
  expect((await jobs.cancel('public', id, Date.now())).kind).toBe('cancelled');
  return id;
}

/** Both connections of this spec serve again. */
async function redisIsBack(): Promise<void> {
  await expect.poll(() => redis.ping().catch(() => 'away'), { timeout: 10_000 }).toBe('PONG');
  await expect
    .poll(() =>
      jobs.queueDepths(Date.now()).then(
        () => 'there',
        () => 'away',
      ),
    )
    .toBe('there');
}

const endedAs = (log: DeliveryLog, jobId: string) =>
  expect.poll(async () => (await log.read(jobId)).at(-1)?.outcome, { timeout: 10_000 });

describe('the webhook of a job that ended', () => {
  it('arrives signed with the job’s own secret', async () => {
    const { log } = await startReplica();
    const id = await endJob({ url: receiver.url, secret });
    await endedAs(log, id).toBe('delivered');
    const [delivery] = receiver.received;
    expect(new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers ?? {})).toMatchObject({
      type: 'job.cancelled',
      data: { id, status: 'cancelled' },
    });
    expect(await redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });

  it('is tried again under one id until the receiver is up, and then no more', async () => {
    const patient = { delaysMs: [0, ...Array.from({ length: 25 }, () => 200)], jitter: 0.1 };
    const { log, metrics } = await startReplica({ schedule: patient });
    const { port } = new URL(receiver.url);
    receiver.status = 500;
    const id = await endJob({ url: receiver.url, secret });
    await expect.poll(() => receiver.received.length).toBeGreaterThan(0);
    await receiver.close();
    await expect.poll(async () => (await log.read(id)).some((e) => e.statusCode === null)).toBe(true);
    const failedWebhookId = receiver.received[0]?.headers['webhook-id'];
    receiver = await startWebhookReceiver(Number(port));

    await endedAs(log, id).toBe('delivered');
    const entries = await log.read(id);
    expect(entries.map((entry) => entry.attempt)).toEqual(entries.map((_entry, index) => index + 1));
    expect(entries.at(-1)).toMatchObject({ statusCode: 204, reason: null });
    expect(receiver.received).toHaveLength(1);
    expect(receiver.received[0]?.headers['webhook-id']).toBe(failedWebhookId);
    const counted = await metrics.webhookDeliveries.get();
    expect(counted.values.find(({ labels }) => labels['outcome'] === 'delivered')?.value).toBe(1);
  });

  it('is given up after the last attempt of the schedule', async () => {
    const { log, queue } = await startReplica();
    receiver.status = 500;
    const id = await endJob({ url: receiver.url, secret });
    await endedAs(log, id).toBe('gave_up');
    expect(receiver.received).toHaveLength(shortSchedule.delaysMs.length);
    await expect.poll(() => queue.getFailedCount()).toBe(1);
  });

  it('is given up at once when the receiver answers 410', async () => {
    const { log, queue } = await startReplica();
    receiver.status = 410;
    const id = await endJob({ url: receiver.url, secret });
    await expect.poll(() => queue.getFailedCount()).toBe(1);
    expect(await log.read(id)).toMatchObject([{ attempt: 1, outcome: 'gave_up', statusCode: 410 }]);
  });

  it('never reaches a private address unless that is allowed', async () => {
    const { log, queue } = await startReplica({ allowPrivate: false });
    const id = await endJob({ url: receiver.url, secret });
    await expect.poll(() => queue.getFailedCount()).toBe(1);
    expect(await log.read(id)).toMatchObject([{ attempt: 1, outcome: 'refused', statusCode: null }]);
    expect(receiver.received).toEqual([]);
  });

  it('is not sent for events that it does not name', async () => {
    const { log } = await startReplica();
    await endJob({ url: receiver.url, secret, events: ['job.succeeded'] });
    const named = await endJob({ url: receiver.url, secret, events: ['job.cancelled'] });
    await endedAs(log, named).toBe('delivered');
    expect(receiver.received).toHaveLength(1);
  });

  it('is sent once however many replicas run', async () => {
    const [first] = await Promise.all([startReplica(), startReplica(), startReplica()]);
    const ids = await Promise.all(Array.from({ length: 20 }, () => endJob({ url: receiver.url, secret })));
    await Promise.all(ids.map((id) => endedAs(first.log, id).toBe('delivered')));
    const delivered = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(delivered).toHaveLength(ids.length);
    expect(new Set(delivered)).toEqual(new Set(ids.map((id) => `wh-${id}-cancelled`)));
  });
});

describe('a relay that died', () => {
  it('between taking a job and enqueuing it leaves the job to the next one', async () => {
    const id = await endJob({ url: receiver.url, secret });
    await redis.lmove(redisKeys.webhookOutbox, redisKeys.webhookOutboxInHand, 'RIGHT', 'LEFT');
    const { log } = await startReplica();
    await endedAs(log, id).toBe('delivered');
    await expect.poll(() => redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });

  it('after enqueuing a job and before crossing it off causes no second delivery', async () => {
    const { log, queue } = await startReplica();
    const id = await endJob({ url: receiver.url, secret });
    await endedAs(log, id).toBe('delivered');
    await redis.lpush(redisKeys.webhookOutboxInHand, `${id} job.cancelled 0`);
    await startReplica();
    await expect.poll(() => redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
    expect(await queue.getJobCounts()).toMatchObject({ completed: 1, waiting: 0, active: 0, delayed: 0 });
    expect(receiver.received).toHaveLength(1);
  });

  it('twice over makes one delivery job', async () => {
    const { queue } = await startReplica({ schedule: { delaysMs: [0, 60_000], jitter: 0 } });
    receiver.status = 500;
    const id = await endJob({ url: receiver.url, secret });
    await expect.poll(() => queue.getDelayedCount()).toBe(1);
    await enqueueDelivery({ queue, redis, attempts: 2, logger }, id);
    await enqueueDelivery({ queue, redis, attempts: 2, logger }, id);
    expect(await queue.getJobCounts()).toMatchObject({ delayed: 1, waiting: 0, active: 0 });
  });

  it('drops a job whose record has gone, and goes on', async () => {
    const { log } = await startReplica();
    await redis.lpush(redisKeys.webhookOutbox, 'job_gone job.succeeded 0');
    const id = await endJob({ url: receiver.url, secret });
    await endedAs(log, id).toBe('delivered');
    expect(await redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });
});

describe('a Redis that goes away', () => {
  it('and comes back costs no delivery', async () => {
    const { log } = await startReplica();
    await server.kill9();
    await server.restart();
    await redisIsBack();
    const id = await endJob({ url: receiver.url, secret });
    await expect
      .poll(async () => (await log.read(id)).at(-1)?.outcome, { timeout: 20_000 })
      .toBe('delivered');
  });

  it('does not keep a process from ending', async () => {
    await startReplica();
    const [replica] = replicas.splice(0);
    await server.kill9();
    try {
      await expect(replica?.close()).resolves.toBeUndefined();
    } finally {
      await server.restart();
      await redisIsBack();
    }
  });
});

describe('the service’s own secret', () => {
  it('is generated once, whichever replica is first, and signs jobs that bring none', async () => {
    const { log } = await startReplica();
    const id = await endJob({ url: receiver.url });
    await endedAs(log, id).toBe('delivered');
    const [delivery] = receiver.received;
    const kept = await redis.get(redisKeys.webhookSecret);
    expect(() => new Webhook(kept ?? '').verify(delivery?.body ?? '', delivery?.headers ?? {})).not.toThrow();

    await redis.del(redisKeys.webhookSecret);
    const secrets = await Promise.all(
      Array.from({ length: 8 }, () => new ServiceSecret(redis, logger).get()),
    );
    expect(new Set(secrets)).toEqual(new Set([await redis.get(redisKeys.webhookSecret)]));
  });

  it('is the configured one where there is one, and then Redis holds none', async () => {
    const { log } = await startReplica({ secret });
    const id = await endJob({ url: receiver.url });
    await endedAs(log, id).toBe('delivered');
    const [delivery] = receiver.received;
    expect(() => new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers ?? {})).not.toThrow();
    expect(await redis.exists(redisKeys.webhookSecret)).toBe(0);
  });
});

it('the delivery log keeps the newest attempts, expires, and holds nothing of an answer', async () => {
  const log = new DeliveryLog(redis);
  for (let attempt = 1; attempt <= MAX_LOG_ENTRIES + 3; attempt++) {
    await log.append('job_1', {
      webhookId: 'wh-job_1-failed',
      event: 'job.failed',
      attempt,
      at: new Date().toISOString(),
      durationMs: 1,
      statusCode: 500,
      outcome: 'retry',
      reason: 'answered 500',
    });
  }
  const entries = await log.read('job_1');
  expect(entries.map((entry) => entry.attempt)).toEqual(
    Array.from({ length: MAX_LOG_ENTRIES }, (_value, index) => index + 4),
  );
  expect(await redis.pttl(redisKeys.webhookDeliveries('job_1'))).toBeGreaterThan(0);
});
