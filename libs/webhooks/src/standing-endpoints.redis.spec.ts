import OpenAI from 'openai';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { redisKeys } from '#queue';
import { startWebhookReceiver } from '#testing';
import type { EndpointChange, WebhookEndpoint } from './webhook-endpoint.js';
import { endedAs, setWebhookStage, TENANT, type Replica } from './webhook-stage.fixture.js';

const stage = setWebhookStage();
const DAY_MS = 24 * 3_600_000;

async function subscribe(replica: Replica, wish: EndpointChange = {}): Promise<WebhookEndpoint> {
  const made = await replica.endpoints.create(TENANT, { ...wish, url: stage.receiver.url }, Date.now());
  if (made === undefined) throw new Error('no room for an endpoint');
  return made;
}

const webhookIds = () => stage.receiver.received.map(({ headers }) => headers['webhook-id']);

describe('an event', () => {
  it('goes to the job’s own webhook and to every endpoint that wants it, under one id', async () => {
    const replica = await stage.startReplica();
    const wanting = [await subscribe(replica), await subscribe(replica, { events: ['job.cancelled'] })];
    const others = [
      await subscribe(replica, { events: ['job.failed'] }),
      await subscribe(replica, { enabled: false }),
    ];
    const id = await stage.endJob({ url: stage.receiver.url });
    await expect.poll(async () => (await replica.attempts(id)).length).toBe(3);
    expect(new Set(webhookIds())).toEqual(new Set([`evt_${id.slice(4)}_cancelled_0`]));
    for (const { id: endpointId } of wanting) await endedAs(replica, endpointId).toBe('delivered');
    for (const { id: endpointId } of others) expect(await replica.attempts(endpointId)).toEqual([]);
    expect(stage.receiver.received).toHaveLength(3);
  });

  it('goes to endpoints alone where the job has no webhook', async () => {
    const replica = await stage.startReplica();
    const endpoint = await subscribe(replica);
    const id = await stage.endJob(null);
    await endedAs(replica, endpoint.id).toBe('delivered');
    expect(await replica.attempts(id)).toMatchObject([{ endpointId: endpoint.id, attempt: 1 }]);
  });

  it('makes one delivery for each destination, however many relays carry it and however often', async () => {
    const replicas = await Promise.all([stage.startReplica(), stage.startReplica(), stage.startReplica()]);
    const [first] = replicas;
    await subscribe(first);
    await subscribe(first);
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => stage.endJob({ url: stage.receiver.url })),
    );
    // Each event is relayed a second time, as after a crash.
    const again = ids.map((id) => `${id} job.cancelled 0`);
    await stage.redis.lpush(redisKeys.webhookOutbox, ...again);
    await expect.poll(() => first.queue.getCompletedCount(), { timeout: 20_000 }).toBe(30);
    await expect.poll(() => stage.redis.llen(redisKeys.webhookOutbox)).toBe(0);
    await expect.poll(() => stage.redis.llen(redisKeys.webhookOutboxInHand)).toBe(0);
    expect(stage.receiver.received).toHaveLength(30);
    expect(new Set(webhookIds()).size).toBe(10);
  });

  it('tells of the run that it was, though the job was retried before it was told', async () => {
    const id = await stage.endJob({ url: stage.receiver.url });
    expect((await stage.jobs.retry(TENANT, id, Date.now())).kind).toBe('queued');
    expect((await stage.jobs.cancel(TENANT, id, Date.now())).kind).toBe('cancelled');
    await stage.startReplica();
    await expect.poll(() => stage.receiver.received.length).toBe(2);
    const runs = [0, 1].map((run) => `evt_${id.slice(4)}_cancelled_${run}`);
    expect(new Set(webhookIds())).toEqual(new Set(runs));
    for (const { body } of stage.receiver.received) {
      expect(JSON.parse(body)).toMatchObject({ type: 'job.cancelled', data: { id, status: 'cancelled' } });
    }
  });

  it('survives a Redis that is killed in the middle of its deliveries', async () => {
    const replica = await stage.startReplica();
    const endpoint = await subscribe(replica);
    stage.receiver.status = 500;
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => stage.endJob({ url: stage.receiver.url })),
    );
    await expect.poll(() => stage.receiver.received.length).toBeGreaterThan(0);
    await stage.server.kill9();
    stage.receiver.status = 204;
    await stage.server.restart();
    await stage.redisIsBack();
    const expected = new Set(ids.map((id) => `evt_${id.slice(4)}_cancelled_0`));
    await expect.poll(() => new Set(webhookIds()), { timeout: 40_000 }).toEqual(expected);
    await expect.poll(() => replica.queue.getCompletedCount(), { timeout: 40_000 }).toBe(20);
    await endedAs(replica, endpoint.id).toBe('delivered');
  }, 90_000);
});

describe('an endpoint whose secret was rotated', () => {
  it('is signed for with the new and the old secret until the old one ends', async () => {
    const replica = await stage.startReplica();
    const endpoint = await subscribe(replica);
    const rotated = await replica.endpoints.rotateSecret(TENANT, endpoint.id, DAY_MS, Date.now());
    await stage.endJob(null);
    await endedAs(replica, endpoint.id).toBe('delivered');
    const { body = '', headers = {} } = stage.receiver.received[0] ?? {};
    const openai = new OpenAI({ apiKey: 'unused' });
    for (const secret of [endpoint.secret, rotated?.secret ?? '']) {
      expect(new Webhook(secret).verify(body, headers)).toMatchObject({ type: 'job.cancelled' });
      expect(await openai.webhooks.unwrap(body, headers, secret)).toMatchObject({ type: 'job.cancelled' });
    }
    await replica.endpoints.rotateSecret(TENANT, endpoint.id, 0, Date.now());
    await stage.endJob(null);
    await expect.poll(() => stage.receiver.received.length).toBe(2);
    const later = stage.receiver.received[1];
    expect(() => new Webhook(endpoint.secret).verify(later?.body ?? '', later?.headers ?? {})).toThrow(
      'No matching signature',
    );
  });
});

describe('an endpoint', () => {
  it('is disabled by 410, and what else was on its way to it ends at once', async () => {
    const patient = { delaysMs: [0, 60_000], jitter: 0 };
    const replica = await stage.startReplica({ schedule: patient });
    const endpoint = await subscribe(replica);
    stage.receiver.status = 500;
    await stage.endJob(null);
    await endedAs(replica, endpoint.id).toBe('retry');
    stage.receiver.status = 410;
    await stage.endJob(null);
    await expect
      .poll(async () => (await replica.endpoints.get(TENANT, endpoint.id))?.disabled?.reason)
      .toBe('gone');
    const [waiting] = await replica.queue.getDelayed();
    await waiting?.promote();
    await endedAs(replica, endpoint.id).toBe('refused');
    expect(stage.receiver.received).toHaveLength(2);
    expect(await stage.redis.hexists(redisKeys.webhookSubscribers, TENANT)).toBe(0);
  });

  it('that was deleted is sent nothing more and leaves no log', async () => {
    const replica = await stage.startReplica({ schedule: { delaysMs: [0, 60_000], jitter: 0 } });
    const endpoint = await subscribe(replica);
    stage.receiver.status = 500;
    const id = await stage.endJob(null);
    await endedAs(replica, endpoint.id).toBe('retry');
    expect(await replica.endpoints.delete(TENANT, endpoint.id)).toBe(true);
    const [waiting] = await replica.queue.getDelayed();
    await waiting?.promote();
    await endedAs(replica, id).toBe('refused');
    expect(await stage.redis.exists(redisKeys.deliveryLog(endpoint.id))).toBe(0);
    expect(stage.receiver.received).toHaveLength(1);
  });

  it('gets the attempts to come at its new URL', async () => {
    const elsewhere = await startWebhookReceiver();
    try {
      const replica = await stage.startReplica({ schedule: { delaysMs: [0, 60_000], jitter: 0 } });
      const endpoint = await subscribe(replica);
      stage.receiver.status = 500;
      await stage.endJob(null);
      await endedAs(replica, endpoint.id).toBe('retry');
      await replica.endpoints.update(TENANT, endpoint.id, { url: elsewhere.url }, Date.now());
      const [waiting] = await replica.queue.getDelayed();
      await waiting?.promote();
      await endedAs(replica, endpoint.id).toBe('delivered');
      expect(elsewhere.received).toHaveLength(1);
    } finally {
      await elsewhere.close();
    }
  });
});
