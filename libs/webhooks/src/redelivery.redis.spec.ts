import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { RECEIVER_ANSWER } from '#testing';
import { endedAs, setWebhookStage, TENANT, type Replica } from './webhook-stage.fixture.js';

const stage = setWebhookStage();
const ONCE = { delaysMs: [0], jitter: 0 };

async function subscribe(replica: Replica) {
  const made = await replica.endpoints.create(TENANT, { url: stage.receiver.url }, Date.now());
  if (made === undefined) throw new Error('no room for an endpoint');
  return made;
}

/** Events of an endpoint whose receiver answered so. */
async function tellAll(replica: Replica, endpointId: string, statuses: readonly number[]): Promise<void> {
  for (const [index, status] of statuses.entries()) {
    stage.receiver.status = status;
    await stage.endJob(null);
    await expect.poll(async () => (await replica.attempts(endpointId)).length).toBe(index + 1);
  }
  stage.receiver.status = 204;
}

describe('a redelivery', () => {
  it('sends the same body under the same webhook-id, and can be made again', async () => {
    const replica = await stage.startReplica();
    const id = await stage.endJob({ url: stage.receiver.url });
    await endedAs(replica, id).toBe('delivered');
    const [attempt] = await replica.attempts(id);
    await expect.poll(() => replica.queue.getCompletedCount()).toBe(1);
    for (const times of [2, 3]) {
      const outcome = await replica.deliveries.redeliver(TENANT, attempt?.deliveryId ?? '');
      expect(outcome.kind).toBe('queued');
      await expect.poll(() => stage.receiver.received.length).toBe(times);
    }
    const sent = stage.receiver.received.map(({ body, headers }) => [body, headers['webhook-id']]);
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]).toEqual(sent[0]);
  });

  it('of one that waits for its next attempt makes that now, and no second delivery', async () => {
    const replica = await stage.startReplica({ schedule: { delaysMs: [0, 60_000], jitter: 0 } });
    stage.receiver.status = 500;
    const id = await stage.endJob({ url: stage.receiver.url });
    await expect.poll(() => replica.queue.getDelayedCount()).toBe(1);
    stage.receiver.status = 204;
    const [attempt] = await replica.attempts(id);
    const outcome = await replica.deliveries.redeliver(TENANT, attempt?.deliveryId ?? '');
    expect(outcome).toEqual({ kind: 'under-way', deliveryId: attempt?.deliveryId });
    await endedAs(replica, id).toBe('delivered');
    expect((await replica.attempts(id)).map((one) => one.attempt)).toEqual([1, 2]);
    expect(stage.receiver.received).toHaveLength(2);
  });

  it('is not made for another tenant, nor of what never was', async () => {
    const replica = await stage.startReplica();
    const id = await stage.endJob({ url: stage.receiver.url });
    await endedAs(replica, id).toBe('delivered');
    const [attempt] = await replica.attempts(id);
    const deliveryId = attempt?.deliveryId ?? '';
    expect(await replica.deliveries.redeliver('another', deliveryId)).toEqual({ kind: 'not-found' });
    expect(await replica.deliveries.redeliver(TENANT, 'evt_none')).toEqual({ kind: 'not-found' });
  });

  it('of a time range sends what failed, or all of it', async () => {
    const replica = await stage.startReplica({ schedule: ONCE });
    const endpoint = await subscribe(replica);
    const sinceMs = Date.now();
    await tellAll(replica, endpoint.id, [500, 204, 503]);
    await expect.poll(() => replica.queue.getFailedCount()).toBe(2);
    const untilMs = Date.now();

    const failed = await replica.deliveries.redeliverRange(TENANT, endpoint.id, { sinceMs, untilMs });
    expect([failed?.deliveryIds.length, failed?.notKept]).toEqual([2, 0]);
    await expect.poll(async () => (await replica.attempts(endpoint.id)).length).toBe(5);
    expect(await replica.deliveries.redeliverRange(TENANT, endpoint.id, { sinceMs, untilMs })).toEqual({
      deliveryIds: [],
      notKept: 0,
    });
    const all = { sinceMs, untilMs, include: 'all' } as const;
    await replica.deliveries.redeliverRange(TENANT, endpoint.id, all);
    await expect.poll(async () => (await replica.attempts(endpoint.id)).length).toBe(8);
    expect(new Set(stage.receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
    const none = { sinceMs: 0, untilMs: sinceMs - 1, include: 'all' } as const;
    expect((await replica.deliveries.redeliverRange(TENANT, endpoint.id, none))?.deliveryIds).toEqual([]);
    expect(await replica.deliveries.redeliverRange('another', endpoint.id, all)).toBeUndefined();
  });
});

describe('a test event', () => {
  it('arrives at once, signed, and answers with its log entry', async () => {
    const replica = await stage.startReplica();
    const endpoint = await subscribe(replica);
    const entry = await replica.deliveries.sendTest(TENANT, endpoint.id);
    expect(entry).toMatchObject({
      event: 'endpoint.test',
      outcome: 'delivered',
      statusCode: 204,
      jobId: null,
    });
    const [sent] = stage.receiver.received;
    expect(new Webhook(endpoint.secret).verify(sent?.body ?? '', sent?.headers ?? {})).toMatchObject({
      type: 'endpoint.test',
      data: { endpoint_id: endpoint.id },
    });
    expect(await replica.attempts(endpoint.id)).toEqual([entry]);
  });

  it('is one attempt, to a disabled endpoint too, and tells how it went', async () => {
    const replica = await stage.startReplica();
    const { id } = await subscribe(replica);
    await replica.endpoints.update(TENANT, id, { enabled: false }, Date.now());
    stage.receiver.status = 500;
    const entry = await replica.deliveries.sendTest(TENANT, id);
    expect(entry).toMatchObject({ outcome: 'gave_up', statusCode: 500, nextAttemptAt: null });
    expect(stage.receiver.received).toHaveLength(1);
    expect(JSON.stringify(entry)).not.toContain(RECEIVER_ANSWER);
    expect(await replica.deliveries.sendTest('another', id)).toBeUndefined();
  });
});
