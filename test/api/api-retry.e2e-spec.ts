import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, until, type TestRedis } from '#testing';
import { jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents, textOf } from './read-events.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker | undefined;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, { DROVER_MAX_QUEUED_JOBS: '2' });
  worker = await startScriptedWorker(redis.url, { slots: 1 });
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

const HELD = { model: 'drover-tiny', input: { prompt: 'one two three' }, metadata: { hold: '1' } };

async function submit(body: object): Promise<string> {
  const answer = await api.http.post('/v1/jobs').send(body).expect(202);
  return jobSchema.parse(answer.body).id;
}

async function untilSpeaking(id: string): Promise<void> {
  await readEvents(`${api.url}/v1/jobs/${id}/events`, {}, ({ event }) => event === 'token');
}

/** A job that was cancelled after its first word, and the ids of its events, from its first to its last. */
async function cancelledJob(body: object = HELD): Promise<{ id: string; eventIds: string[] }> {
  const id = await submit(body);
  await untilSpeaking(id);
  await api.http.delete(`/v1/jobs/${id}`).expect(202);
  const { events } = await readEvents(`${api.url}/v1/jobs/${id}/events`);
  return { id, eventIds: events.map((event) => event.id) };
}

const retry = (id: string, query = '') => api.http.post(`/v1/jobs/${id}/retry${query}`);

describe('a retry', () => {
  it('runs a cancelled job again from its prompt, and counts on', async () => {
    const { id } = await cancelledJob();
    const queued = await retry(id).expect(202);
    expect(queued.headers['location']).toBe(`/v1/jobs/${id}`);
    expect(Number(queued.headers['retry-after'])).toBeGreaterThan(0);
    expect(jobSchema.parse(queued.body)).toMatchObject({
      id,
      status: 'queued',
      attempt: 1,
      output: null,
      usage: null,
      finished_at: null,
    });
    await untilSpeaking(id);
    await api.http.delete(`/v1/jobs/${id}`).expect(202);
    const { body } = await api.http.get(`/v1/jobs/${id}?wait=20`).expect(200);
    expect(jobSchema.parse(body)).toMatchObject({ status: 'cancelled', attempt: 2 });
    expect(body.output.choices[0].text).toBe('one');
  });

  it('is followed by whoever holds an event of the run before', async () => {
    const { id, eventIds } = await cancelledJob();
    const lastEventId = eventIds.at(-1) ?? '';
    const seen = await fetch(`${api.url}/v1/jobs/${id}/events`, {
      headers: { 'last-event-id': lastEventId },
    });
    expect(seen.status).toBe(204);
    await retry(id).expect(202);
    await untilSpeaking(id);
    await api.http.delete(`/v1/jobs/${id}`);
    const { events } = await readEvents(`${api.url}/v1/jobs/${id}/events?after=${lastEventId}`);
    expect(events.map(({ event, data }) => (event === 'token' ? data.text : data.status))).toEqual([
      'queued',
      'running',
      'one',
      'cancelled',
    ]);
    const { events: behind } = await readEvents(`${api.url}/v1/jobs/${id}/events?after=${eventIds[1]}`);
    expect(behind).toEqual(events);
    const ids = [...eventIds, ...events.map((event) => event.id)].map((one) => one.split('-').map(Number));
    for (const [i, [attempt = 0, n = 0]] of ids.entries()) {
      const [nextAttempt = Infinity, nextN = Infinity] = ids[i + 1] ?? [];
      expect(nextAttempt > attempt || (nextAttempt === attempt && nextN > n)).toBe(true);
    }
  });

  it('of many at once is one run', async () => {
    const { id } = await cancelledJob();
    const answers = await Promise.all(Array.from({ length: 8 }, () => retry(id)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
    const refused = answers.find(({ status }) => status === 409);
    expect(refused?.body.error).toMatchObject({ type: 'conflict_error', code: 'job_not_finished' });
    await untilSpeaking(id);
    await api.http.delete(`/v1/jobs/${id}`);
    const { events } = await readEvents(`${api.url}/v1/jobs/${id}/events`);
    expect(textOf(events)).toBe('one');
    expect(events.at(-1)?.data).toMatchObject({ status: 'cancelled', attempt: 2 });
  });

  it('is refused for a job that succeeded, one that has not ended, and one that is not there', async () => {
    const done = await api.http
      .post('/v1/jobs?wait=20')
      .send({ ...HELD, metadata: {} })
      .expect(200);
    expect((await retry(done.body.id).expect(409)).body.error.code).toBe('job_succeeded');
    const id = await submit(HELD);
    expect((await retry(id).expect(409)).body.error).toMatchObject({ code: 'job_not_finished' });
    await api.http.delete(`/v1/jobs/${id}`);
    expect((await retry(`${id.slice(0, -8)}00000000`).expect(404)).body.error.code).toBe('job_not_found');
    await retry('nonsense').expect(404);
    const wrong = await retry(done.body.id).send({ wait: true }).expect(400);
    expect(wrong.body.error).toMatchObject({ code: 'unknown_field', param: 'wait' });
  });

  it('waits for the end where it is asked to', async () => {
    const { id } = await cancelledJob({ ...HELD, metadata: { hold: 'first' } });
    const answer = await retry(id, '?wait=20').expect(200);
    expect(answer.body).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('obeys the bound on waiting jobs', async () => {
    const { id } = await cancelledJob();
    const running = await submit(HELD);
    await untilSpeaking(running);
    const waiting = [await submit(HELD), await submit(HELD)];
    const full = await retry(id).expect(429);
    expect(full.body.error.code).toBe('queue_full');
    expect(Number(full.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.http.get(`/v1/jobs/${id}`)).body.status).toBe('cancelled');
    for (const one of [...waiting, running]) await api.http.delete(`/v1/jobs/${one}`);
  });

  it('needs a live worker, unless it waits for one', async () => {
    const { id } = await cancelledJob();
    await worker?.close();
    worker = undefined;
    const refused = await until(async () => {
      const answer = await retry(id);
      return answer.status === 503 && answer;
    });
    expect(refused.body.error).toMatchObject({ code: 'no_worker' });
    expect(refused.body.error.message).toContain('wait_for_worker');
    const queued = await retry(id).send({ wait_for_worker: true }).expect(202);
    expect(queued.body).toMatchObject({ status: 'queued', queue: { position: 1 } });
  });
});
