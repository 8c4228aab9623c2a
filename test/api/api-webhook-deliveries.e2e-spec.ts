import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  RECEIVER_ANSWER,
  startTestRedis,
  startWebhookReceiver,
  until,
  type ReceivedWebhook,
  type TestRedis,
  type WebhookReceiver,
} from '#testing';
import {
  deliveryPageSchema,
  deliverySchema,
  redeliverySchema,
  webhookEndpointWithSecretSchema,
} from '../../apps/api/src/openapi/webhook-schemas.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { ALICE, BOB, startApi, TWO_KEYS, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;
let receiver: WebhookReceiver;
const endpoints: string[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, {
    ...TWO_KEYS,
    DROVER_WEBHOOK_ALLOW_PRIVATE: '1',
  });
  worker = await startScriptedWorker(redis.url);
});

beforeEach(async () => {
  receiver = await startWebhookReceiver();
});

afterEach(async () => {
  for (const id of endpoints.splice(0)) await api.http.delete(`/v1/webhook_endpoints/${id}`).set(ALICE);
  await receiver.close();
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

async function createEndpoint(wish: object = {}) {
  const { body } = await api.http
    .post('/v1/webhook_endpoints')
    .set(ALICE)
    .send({ url: receiver.url, ...wish })
    .expect(201);
  const endpoint = webhookEndpointWithSecretSchema.parse(body);
  endpoints.push(endpoint.id);
  return endpoint;
}

async function endedJob(rest: object = {}, owner = ALICE): Promise<string> {
  const job = { model: 'drover-tiny', input: { prompt: 'tell me' }, ...rest };
  const { body } = await api.http.post('/v1/jobs?wait=20').set(owner).send(job).expect(200);
  return body.id;
}

async function deliveries(path: string, owner = ALICE) {
  const { body } = await api.http.get(`/v1/${path}`).set(owner).expect(200);
  return deliveryPageSchema.parse(body);
}

async function untilLogged(path: string, count: number) {
  return until(async () => {
    const { data } = await deliveries(path);
    return data.length >= count && data;
  });
}

const post = async (path: string, body?: object) => api.http.post(`/v1/${path}`).set(ALICE).send(body);

function verified(
  secret: string,
  { headers, body }: ReceivedWebhook | undefined = { headers: {}, body: '' },
) {
  return new Webhook(secret).verify(body, headers);
}

describe('a standing endpoint', () => {
  it("hears of its tenant's jobs alone, under the id that the job's own webhook has", async () => {
    const endpoint = await createEndpoint();
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const own = await startWebhookReceiver();
    await endedJob({}, BOB);
    const id = await endedJob({ webhook: { url: own.url, secret } });
    const attempts = await untilLogged(`jobs/${id}/deliveries`, 2);
    expect(new Set(attempts.map((one) => one.endpoint_id))).toEqual(new Set([endpoint.id, null]));
    expect(new Set(attempts.map((one) => one.delivery_id)).size).toBe(2);
    expect(new Set(attempts.map((one) => one.webhook_id)).size).toBe(1);
    expect(verified(endpoint.secret, receiver.received[0])).toMatchObject({
      type: 'job.succeeded',
      data: { id, status: 'succeeded' },
    });
    expect(verified(secret, own.received[0])).toMatchObject({ data: { id } });
    expect(own.received[0]?.headers['webhook-id']).toBe(receiver.received[0]?.headers['webhook-id']);
    expect(receiver.received).toHaveLength(1);
    await own.close();
  });

  it('is signed for by the old and the new secret after a rotation, and by the new alone once that is said', async () => {
    const { id, secret: old } = await createEndpoint();
    const { body: rotated } = await post(`webhook_endpoints/${id}/rotate_secret`);
    await post(`webhook_endpoints/${id}/test`);
    expect(verified(old, receiver.received[0])).toMatchObject({ type: 'endpoint.test' });
    expect(verified(rotated.secret, receiver.received[0])).toMatchObject({ type: 'endpoint.test' });
    const { body: last } = await post(`webhook_endpoints/${id}/rotate_secret`, {
      old_secret_expires_in_s: 0,
    });
    await post(`webhook_endpoints/${id}/test`);
    expect(verified(last.secret, receiver.received[1])).toMatchObject({ type: 'endpoint.test' });
    expect(() => verified(rotated.secret, receiver.received[1])).toThrow(/signature/i);
  });

  it('is tested with one attempt, however that goes', async () => {
    const { id } = await createEndpoint();
    const fine = await post(`webhook_endpoints/${id}/test`);
    expect(fine.status).toBe(200);
    expect(deliverySchema.parse(fine.body)).toMatchObject({
      event: 'endpoint.test',
      outcome: 'delivered',
      status_code: 204,
      endpoint_id: id,
      job_id: null,
    });
    receiver.status = 500;
    const broken = await post(`webhook_endpoints/${id}/test`);
    expect(deliverySchema.parse(broken.body)).toMatchObject({ outcome: 'gave_up', status_code: 500 });
    expect(JSON.stringify(broken.body)).not.toContain(RECEIVER_ANSWER);
    expect(receiver.received).toHaveLength(2);
  });

  it('that answers 410 is disabled and hears no more until it is enabled', async () => {
    receiver.status = 410;
    const { id } = await createEndpoint();
    await endedJob();
    const disabled = await until(async () => {
      const { body } = await api.http.get(`/v1/webhook_endpoints/${id}`).set(ALICE);
      return body.enabled === false && body;
    });
    expect(disabled.disabled).toMatchObject({ reason: 'gone' });
    receiver.status = 204;
    await endedJob();
    await api.http.patch(`/v1/webhook_endpoints/${id}`).set(ALICE).send({ enabled: true }).expect(200);
    const heard = await endedJob();
    await untilLogged(`jobs/${heard}/deliveries`, 1);
    expect(receiver.received).toHaveLength(2);
  });
});

describe('the log of deliveries', () => {
  it('goes page by page, newest first, and by outcome', async () => {
    const { id } = await createEndpoint();
    for (const status of [204, 500, 204]) {
      receiver.status = status;
      await post(`webhook_endpoints/${id}/test`);
    }
    const path = `webhook_endpoints/${id}/deliveries`;
    const first = await deliveries(`${path}?limit=2`);
    expect(first.data.map((one) => one.status_code)).toEqual([204, 500]);
    expect(first.has_more).toBe(true);
    const rest = await deliveries(`${path}?limit=2&after=${first.last_id}`);
    expect(rest.data.map((one) => one.status_code)).toEqual([204]);
    expect(rest.has_more).toBe(false);
    const failed = await deliveries(`${path}?outcome=gave_up`);
    expect(failed.data.map((one) => one.status_code)).toEqual([500]);
  });

  it.each(['limit=0', 'after=yesterday', 'outcome=lost', 'limt=5'])('refuses ?%s by name', async (query) => {
    const { id } = await createEndpoint();
    for (const path of [`webhook_endpoints/${id}`, 'jobs/job_1']) {
      const { body } = await api.http.get(`/v1/${path}/deliveries?${query}`).set(ALICE).expect(400);
      expect(body.error.param).toBe(query.split('=')[0]);
    }
  });
});

describe('a redelivery', () => {
  it('sends one delivery again under the same webhook-id', async () => {
    await createEndpoint();
    const id = await endedJob();
    const [attempt] = await untilLogged(`jobs/${id}/deliveries`, 1);
    const answer = await post(`webhook_deliveries/${attempt?.delivery_id}/redeliver`);
    expect(answer.status).toBe(202);
    expect(redeliverySchema.parse(answer.body).delivery_ids).toHaveLength(1);
    await untilLogged(`jobs/${id}/deliveries`, 2);
    const [one, again] = receiver.received;
    expect(again?.body).toBe(one?.body);
    expect(again?.headers['webhook-id']).toBe(one?.headers['webhook-id']);
  });

  it('of a time range sends what failed in it, or all', async () => {
    const { id } = await createEndpoint();
    const before = new Date(Date.now() - 1_000).toISOString();
    await endedJob();
    await untilLogged(`webhook_endpoints/${id}/deliveries`, 1);
    receiver.status = 500;
    const failed = await endedJob();
    await untilLogged(`webhook_endpoints/${id}/deliveries`, 2);
    receiver.status = 204;
    const path = `webhook_endpoints/${id}/redeliver`;
    const some = redeliverySchema.parse((await post(path, { since: before })).body);
    expect(some).toMatchObject({ not_kept: 0 });
    expect(some.delivery_ids).toHaveLength(1);
    await untilLogged(`jobs/${failed}/deliveries`, 2);
    const all = redeliverySchema.parse((await post(path, { since: before, include: 'all' })).body);
    expect(all.delivery_ids).toHaveLength(2);
    const none = await post(path, { since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' });
    expect(none.body.delivery_ids).toEqual([]);
  });

  it.each([
    [{}, 'since'],
    [{ since: 'yesterday' }, 'since'],
    [{ since: '2026-01-02T00:00:00Z', until: '2026-01-01T00:00:00Z' }, 'until'],
    [{ since: '2026-01-02T00:00:00Z', include: 'some' }, 'include'],
  ])('of the range %j is refused at %s', async (body, param) => {
    const { id } = await createEndpoint();
    const refused = await post(`webhook_endpoints/${id}/redeliver`, body);
    expect([refused.status, refused.body.error.param]).toEqual([400, param]);
  });

  it("of another key's delivery, job or endpoint is not found", async () => {
    const { id } = await createEndpoint();
    const job = await endedJob();
    const [attempt] = await untilLogged(`jobs/${job}/deliveries`, 1);
    const since = { since: '2026-01-01T00:00:00Z' };
    const ways = [
      api.http.get(`/v1/jobs/${job}/deliveries`),
      api.http.get(`/v1/webhook_endpoints/${id}/deliveries`),
      api.http.post(`/v1/webhook_endpoints/${id}/test`),
      api.http.post(`/v1/webhook_endpoints/${id}/redeliver`).send(since),
      api.http.post(`/v1/webhook_deliveries/${attempt?.delivery_id}/redeliver`),
    ];
    for (const ask of ways) expect((await ask.set(BOB)).status).toBe(404);
    expect(receiver.received).toHaveLength(1);
  });
});
