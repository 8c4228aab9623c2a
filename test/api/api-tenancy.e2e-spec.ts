import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '#testing';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { ALICE, BOB, startApi, TWO_KEYS, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, TWO_KEYS);
  worker = await startScriptedWorker(redis.url);
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

const JOB = { model: 'drover-tiny', input: { prompt: 'secret' } };

async function submit(owner: Record<string, string>): Promise<string> {
  const { body } = await api.http.post('/v1/jobs').set(owner).send(JOB).expect(202);
  return body.id;
}

describe('with API keys', () => {
  it('every /v1 route asks for one', async () => {
    for (const [method, path] of [
      ['post', '/v1/jobs'],
      ['get', '/v1/jobs'],
      ['get', '/v1/jobs/job_1'],
      ['delete', '/v1/jobs/job_1'],
      ['get', '/v1/jobs/job_1/events'],
      ['post', '/v1/jobs/job_1/retry'],
      ['get', '/v1/jobs/job_1/deliveries'],
      ['get', '/v1/dead_letters'],
      ['get', '/v1/webhook_endpoints'],
      ['post', '/v1/webhook_endpoints'],
      ['patch', '/v1/webhook_endpoints/we_1'],
      ['delete', '/v1/webhook_endpoints/we_1'],
      ['post', '/v1/webhook_endpoints/we_1/test'],
      ['post', '/v1/webhook_endpoints/we_1/redeliver'],
      ['post', '/v1/webhook_endpoints/we_1/rotate_secret'],
      ['get', '/v1/webhook_endpoints/we_1/deliveries'],
      ['post', '/v1/webhook_deliveries/d/redeliver'],
      ['get', '/v1/models'],
      ['get', '/v1/models/drover-tiny'],
    ] as const) {
      const answer = await api.http[method](path);
      expect([path, answer.status, answer.body.error?.code]).toEqual([path, 401, 'invalid_api_key']);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    await api.http.get('/v1/jobs').set('authorization', 'Bearer key-of-alice-000002').expect(401);
  });

  it.each(['/healthz', '/readyz', '/metrics', '/openapi.json', '/docs/'])(
    '%s asks for none',
    async (path) => {
      expect((await api.http.get(path)).status).toBe(200);
    },
  );

  it("another key's job is as missing as one that never was", async () => {
    const id = await submit(ALICE);
    await api.http.get(`/v1/jobs/${id}?wait=20`).set(ALICE).expect(200);
    const never = `${id.slice(0, -8)}00000000`;
    const ways = [
      (job: string) => api.http.get(`/v1/jobs/${job}`),
      (job: string) => api.http.get(`/v1/jobs/${job}?wait=1`),
      (job: string) => api.http.get(`/v1/jobs/${job}/events`),
      (job: string) => api.http.delete(`/v1/jobs/${job}`),
      (job: string) => api.http.post(`/v1/jobs/${job}/retry`),
      (job: string) => api.http.get(`/v1/jobs/${job}/deliveries`),
    ];
    for (const ask of ways) {
      const foreign = await ask(id).set(BOB).expect(404);
      const missing = await ask(never).set(BOB).expect(404);
      expect(foreign.text.replaceAll(id, '')).toBe(missing.text.replaceAll(never, ''));
    }
    await api.http.get(`/v1/jobs/${id}`).set(ALICE).expect(200);
  });

  it('lists and idempotency keys are apart', async () => {
    const key = { 'idempotency-key': 'shared' };
    const alices = await api.http
      .post('/v1/jobs')
      .set({ ...ALICE, ...key })
      .send(JOB)
      .expect(202);
    const bobs = await api.http
      .post('/v1/jobs')
      .set({ ...BOB, ...key })
      .send(JOB)
      .expect(202);
    expect(bobs.body.id).not.toBe(alices.body.id);
    const { body } = await api.http.get('/v1/jobs?limit=100').set(BOB).expect(200);
    expect(body.data.map((one: { id: string }) => one.id)).toEqual([bobs.body.id]);
  });
});
