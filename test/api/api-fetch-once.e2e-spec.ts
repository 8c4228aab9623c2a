import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, until, type TestRedis } from '#testing';
import { jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents, textOf } from './read-events.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let other: RunningApi;
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url);
  other = await startApi(redis.url);
  worker = await startScriptedWorker(redis.url);
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await other?.close();
  await redis?.close();
});

const ONCE = { model: 'drover-tiny', input: { prompt: 'read me once' }, ttl_s: 0 };

async function submit(body: object = ONCE, headers = {}): Promise<string> {
  const answer = await api.http.post('/v1/jobs').set(headers).send(body).expect(202);
  return jobSchema.parse(answer.body).id;
}

/** Looks without fetching. */
async function listed(id: string) {
  const { body } = await api.http.get('/v1/jobs?limit=100').expect(200);
  return body.data.find((one: { id: string }) => one.id === id);
}

async function endedJob(headers = {}): Promise<string> {
  const id = await submit(ONCE, headers);
  await until(async () => (await listed(id))?.status === 'succeeded');
  return id;
}

const textOfJob = (body: { output: { choices: { text: string }[] } | null }) => body.output?.choices[0]?.text;

async function expectGone(id: string): Promise<void> {
  for (const path of [`/v1/jobs/${id}`, `/v1/jobs/${id}?wait=1`, `/v1/jobs/${id}/events`]) {
    expect((await api.http.get(path).expect(404)).body.error.code).toBe('job_not_found');
  }
  expect(await listed(id)).toBeUndefined();
}

describe('a result that is kept until it is fetched', () => {
  it('goes with its first GET', async () => {
    const id = await endedJob();
    expect(textOfJob((await api.http.get(`/v1/jobs/${id}`).expect(200)).body)).toBe('read me once');
    await expectGone(id);
  });

  it('goes with a wait, at the submission too', async () => {
    const { body } = await api.http.post('/v1/jobs?wait=20').send(ONCE).expect(200);
    expect(textOfJob(body)).toBe('read me once');
    await expectGone(body.id);
    const id = await submit({ ...ONCE, metadata: { hold: '1' } });
    const waiting = api.http.get(`/v1/jobs/${id}?wait=20`);
    const cancelling = until(async () => (await listed(id))?.status === 'running').then(() =>
      api.http.delete(`/v1/jobs/${id}`),
    );
    const [waited] = await Promise.all([waiting, cancelling]);
    expect(waited.body).toMatchObject({ status: 'cancelled' });
    await expectGone(id);
  });

  it('goes with the end of its event stream', async () => {
    const id = await endedJob();
    const { events } = await readEvents(`${api.url}/v1/jobs/${id}/events`);
    expect(textOf(events)).toBe('read me once');
    expect(textOfJob(events.at(-1)?.data)).toBe('read me once');
    await expectGone(id);
  });

  it('goes to one of many readers on any replica, however they read', async () => {
    for (let i = 0; i < 10; i += 1) {
      const id = await endedJob();
      const polls = [api, other, api, other].map(async (replica, n) => {
        const { status, body } = await replica.http.get(`/v1/jobs/${id}${n < 2 ? '' : '?wait=5'}`);
        return status === 200 ? textOfJob(body) : undefined;
      });
      const streams = [api, other].map(async (replica) => {
        const { events } = await readEvents(`${replica.url}/v1/jobs/${id}/events`, {}).catch(() => ({
          events: [],
        }));
        const last = events.at(-1);
        return last?.event === 'done' ? textOfJob(last.data) : undefined;
      });
      const texts = await Promise.all([...polls, ...streams]);
      expect(texts.filter((text) => text !== undefined)).toEqual(['read me once']);
      await expectGone(id);
    }
  });

  it('is neither shown nor used up by whoever only looks', async () => {
    const key = { 'idempotency-key': 'looks-only' };
    const id = await endedJob(key);
    expect(await listed(id)).toMatchObject({ status: 'succeeded', output: null });
    await api.http.head(`/v1/jobs/${id}`).expect(200);
    await fetch(`${api.url}/v1/jobs/${id}/events`, { method: 'HEAD' });
    await api.http.delete(`/v1/jobs/${id}`).expect(409);
    await api.http.post(`/v1/jobs/${id}/retry`).expect(409);
    const replay = await api.http.post('/v1/jobs').set(key).send(ONCE).expect(202);
    expect(replay.body).toMatchObject({ id, output: null });
    expect(textOfJob((await api.http.get(`/v1/jobs/${id}`).expect(200)).body)).toBe('read me once');
  });
});
