import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { redisKeys } from '#queue';
import { startWebhookReceiver } from '#testing';
import { DeliveryLog, MAX_JOB_LOG_ENTRIES } from './delivery-log.js';
import { enqueueDeliveries } from './enqueue-delivery.js';
import { ServiceSecret } from './service-secret.js';
import { generateWebhookSecret } from './sign-webhook.js';
import { endedAs, setWebhookStage, shortSchedule, silentLogger } from './webhook-stage.fixture.js';

const secret = generateWebhookSecret();
const stage = setWebhookStage();

describe('the webhook of a job that ended', () => {
  it('arrives signed with the job’s own secret', async () => {
    const replica = await stage.startReplica();
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await endedAs(replica, id).toBe('delivered');
    const [delivery] = stage.receiver.received;
    expect(new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers ?? {})).toMatchObject({
      type: 'job.cancelled',
      data: { id, status: 'cancelled' },
    });
    expect(await stage.redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });

  it('is tried again under one id until the receiver is up, and then no more', async () => {
    const patient = { delaysMs: [0, ...Array.from({ length: 25 }, () => 200)], jitter: 0.1 };
    const replica = await stage.startReplica({ schedule: patient });
    const { port } = new URL(stage.receiver.url);
    stage.receiver.status = 500;
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await expect.poll(() => stage.receiver.received.length).toBeGreaterThan(0);
    await stage.receiver.close();
    await expect.poll(async () => (await replica.attempts(id)).some((e) => e.statusCode === null)).toBe(true);
    const failedWebhookId = stage.receiver.received[0]?.headers['webhook-id'];
    stage.receiver = await startWebhookReceiver(Number(port));

    await endedAs(replica, id).toBe('delivered');
    const entries = await replica.attempts(id);
    expect(entries.map((entry) => entry.attempt)).toEqual(entries.map((_entry, index) => index + 1));
    expect(entries.at(-1)).toMatchObject({ statusCode: 204, reason: null });
    expect(stage.receiver.received).toHaveLength(1);
    expect(stage.receiver.received[0]?.headers['webhook-id']).toBe(failedWebhookId);
    const counted = await replica.metrics.webhookDeliveries.get();
    expect(counted.values.find(({ labels }) => labels['outcome'] === 'delivered')?.value).toBe(1);
  });

  it('is given up after the last attempt of the schedule', async () => {
    const replica = await stage.startReplica();
    stage.receiver.status = 500;
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await endedAs(replica, id).toBe('gave_up');
    expect(stage.receiver.received).toHaveLength(shortSchedule.delaysMs.length);
    await expect.poll(() => replica.queue.getFailedCount()).toBe(1);
  });

  it('is given up at once when the receiver answers 410', async () => {
    const replica = await stage.startReplica();
    stage.receiver.status = 410;
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await expect.poll(() => replica.queue.getFailedCount()).toBe(1);
    expect(await replica.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'gave_up', statusCode: 410 }]);
  });

  it('never reaches a private address unless that is allowed', async () => {
    const replica = await stage.startReplica({ allowPrivate: false });
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await expect.poll(() => replica.queue.getFailedCount()).toBe(1);
    expect(await replica.attempts(id)).toMatchObject([{ attempt: 1, outcome: 'refused', statusCode: null }]);
    expect(stage.receiver.received).toEqual([]);
  });

  it('is not sent for events that it does not name', async () => {
    const replica = await stage.startReplica();
    await stage.endJob({ url: stage.receiver.url, secret, events: ['job.succeeded'] });
    const named = await stage.endJob({ url: stage.receiver.url, secret, events: ['job.cancelled'] });
    await endedAs(replica, named).toBe('delivered');
    expect(stage.receiver.received).toHaveLength(1);
  });

  it('is sent once however many replicas run', async () => {
    const [first] = await Promise.all([stage.startReplica(), stage.startReplica(), stage.startReplica()]);
    const ids = await Promise.all(
      Array.from({ length: 20 }, () => stage.endJob({ url: stage.receiver.url, secret })),
    );
    await Promise.all(ids.map((id) => endedAs(first, id).toBe('delivered')));
    const delivered = stage.receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(delivered).toHaveLength(ids.length);
    expect(new Set(delivered)).toEqual(
      new Set(ids.map((id) => `evt_${id.slice('job_'.length)}_cancelled_0`)),
    );
  });
});

describe('a relay that died', () => {
  it('between taking a job and enqueuing it leaves the job to the next one', async () => {
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await stage.redis.lmove(redisKeys.webhookOutbox, redisKeys.webhookOutboxInHand, 'RIGHT', 'LEFT');
    const replica = await stage.startReplica();
    await endedAs(replica, id).toBe('delivered');
    await expect.poll(() => stage.redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });

  it('after enqueuing a job and before crossing it off causes no second delivery', async () => {
    const replica = await stage.startReplica();
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await endedAs(replica, id).toBe('delivered');
    await stage.redis.lpush(redisKeys.webhookOutboxInHand, `${id} job.cancelled 0`);
    await stage.startReplica();
    await expect.poll(() => stage.redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
    expect(await replica.queue.getJobCounts()).toMatchObject({
      completed: 1,
      waiting: 0,
      active: 0,
      delayed: 0,
    });
    expect(stage.receiver.received).toHaveLength(1);
  });

  it('twice over makes one delivery job', async () => {
    const { queue, endpoints } = await stage.startReplica({ schedule: { delaysMs: [0, 60_000], jitter: 0 } });
    stage.receiver.status = 500;
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await expect.poll(() => queue.getDelayedCount()).toBe(1);
    const tools = { queue, endpoints, redis: stage.redis, attempts: 2, logger: silentLogger };
    const entry = { jobId: id, event: 'job.cancelled', generation: 0 } as const;
    await enqueueDeliveries(tools, entry);
    await enqueueDeliveries(tools, entry);
    expect(await queue.getJobCounts()).toMatchObject({ delayed: 1, waiting: 0, active: 0 });
  });

  it('drops a job whose record has gone, and goes on', async () => {
    const replica = await stage.startReplica();
    await stage.redis.lpush(redisKeys.webhookOutbox, 'job_gone job.succeeded 0');
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await endedAs(replica, id).toBe('delivered');
    expect(await stage.redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
  });
});

describe('a Redis that goes away', () => {
  it('and comes back costs no delivery', async () => {
    const replica = await stage.startReplica();
    await stage.server.kill9();
    await stage.server.restart();
    await stage.redisIsBack();
    const id = await stage.endJob({ url: stage.receiver.url, secret });
    await expect
      .poll(async () => (await replica.attempts(id)).at(-1)?.outcome, { timeout: 20_000 })
      .toBe('delivered');
  });

  it('does not keep a process from ending', async () => {
    const replica = await stage.startReplica();
    await stage.server.kill9();
    try {
      await expect(replica.close()).resolves.toBeUndefined();
    } finally {
      await stage.server.restart();
      await stage.redisIsBack();
    }
  });
});

describe('the service’s own secret', () => {
  it('is generated once, whichever replica is first, and signs jobs that bring none', async () => {
    const replica = await stage.startReplica();
    const id = await stage.endJob({ url: stage.receiver.url });
    await endedAs(replica, id).toBe('delivered');
    const [delivery] = stage.receiver.received;
    const kept = await stage.redis.get(redisKeys.webhookSecret);
    expect(() => new Webhook(kept ?? '').verify(delivery?.body ?? '', delivery?.headers ?? {})).not.toThrow();

    await stage.redis.del(redisKeys.webhookSecret);
    const secrets = await Promise.all(
      Array.from({ length: 8 }, () => new ServiceSecret(stage.redis, silentLogger).get()),
    );
    expect(new Set(secrets)).toEqual(new Set([await stage.redis.get(redisKeys.webhookSecret)]));
  });

  it('is the configured one where there is one, and then Redis holds none', async () => {
    const replica = await stage.startReplica({ secret });
    const id = await stage.endJob({ url: stage.receiver.url });
    await endedAs(replica, id).toBe('delivered');
    const [delivery] = stage.receiver.received;
    expect(() => new Webhook(secret).verify(delivery?.body ?? '', delivery?.headers ?? {})).not.toThrow();
    expect(await stage.redis.exists(redisKeys.webhookSecret)).toBe(0);
  });
});

it('the delivery log keeps the newest attempts, expires, and is read by page', async () => {
  const log = new DeliveryLog(stage.redis);
  const attempts = Array.from({ length: MAX_JOB_LOG_ENTRIES + 3 }, (_value, index) => index + 1);
  for (const attempt of attempts) {
    await log.append({
      deliveryId: 'evt_1_failed_0-job',
      webhookId: 'evt_1_failed_0',
      event: 'job.failed',
      jobId: 'job_1',
      endpointId: null,
      host: 'hook.example',
      attempt,
      at: new Date().toISOString(),
      durationMs: 1,
      statusCode: 500,
      outcome: attempt % 2 === 0 ? 'retry' : 'delivered',
      reason: 'answered 500',
      nextAttemptAt: null,
    });
  }
  const newestFirst = attempts.slice(3).toReversed();
  const first = await log.read('job_1', { limit: 40 });
  const rest = await log.read('job_1', { limit: 40, after: first.entries.at(-1)?.id });
  expect([first.hasMore, rest.hasMore]).toEqual([true, false]);
  expect([...first.entries, ...rest.entries].map(({ attempt }) => attempt)).toEqual(newestFirst);
  const retried = await log.read('job_1', { limit: 100, outcome: 'retry' });
  expect(retried.entries.map(({ attempt }) => attempt)).toEqual(newestFirst.filter((n) => n % 2 === 0));
  expect(await stage.redis.pttl(redisKeys.deliveryLog('job_1'))).toBeGreaterThan(0);
});
