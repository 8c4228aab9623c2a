import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '#testing';
import { jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents, textOf } from './read-events.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, { DROVER_MAX_EVENT_STREAMS: '3' });
  worker = await startScriptedWorker(redis.url);
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

const WORDS = 'the quick brown fox jumps over the lazy dog';

async function submit(prompt: string, metadata: Record<string, string> = {}): Promise<string> {
  const { body } = await api.http
    .post('/v1/jobs')
    .send({ model: 'drover-tiny', input: { prompt }, metadata });
  return jobSchema.parse(body).id;
}

const eventsOf = (id: string, query = '') => `${api.url}/v1/jobs/${id}/events${query}`;

describe("a job's events", () => {
  it('are its status, its text and at last the job', async () => {
    const id = await submit(WORDS);
    const { response, events } = await readEvents(eventsOf(id));
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(response.headers.get('cache-control')).toContain('no-store');
    expect(response.headers.get('x-request-id')).toBeTruthy();
    expect(events[0]).toMatchObject({ event: 'status', data: { status: 'queued', attempt: 0 } });
    expect(events.filter((one) => one.event === 'status').map((one) => one.data.status)).toContain('running');
    expect(textOf(events)).toBe(WORDS);
    const tokens = events.filter((one) => one.event === 'token').map((one) => Number(one.data.n));
    expect(tokens.reduce((sum, n) => sum + n, 0)).toBe(WORDS.split(' ').length);
    const last = events.at(-1);
    expect(last?.event).toBe('done');
    expect(jobSchema.parse(last?.data)).toMatchObject({ id, status: 'succeeded' });
  });

  it('come while the job runs', async () => {
    const id = await submit('early late', { hold: '1' });
    const { events } = await readEvents(eventsOf(id), {}, (one) => one.event === 'token');
    expect(textOf(events)).toBe('early');
    expect((await api.http.get(`/v1/jobs/${id}`)).body.status).toBe('running');
    await api.http.delete(`/v1/jobs/${id}`);
    const { events: rest } = await readEvents(eventsOf(id, `?after=${events.at(-1)?.id}`));
    expect(rest.at(-1)).toMatchObject({ event: 'done', data: { status: 'cancelled' } });
  });

  it('resume after any id, live or later, without a gap or a repeat', async () => {
    const id = await submit(WORDS);
    const { events: all } = await readEvents(eventsOf(id));
    for (const [i, seen] of all.slice(0, -1).entries()) {
      const { events: byHeader } = await readEvents(eventsOf(id), { headers: { 'last-event-id': seen.id } });
      expect(textOf(all.slice(0, i + 1)) + textOf(byHeader)).toBe(WORDS);
      expect(byHeader.every((one) => one.id !== seen.id)).toBe(true);
      const { events: byQuery } = await readEvents(eventsOf(id, `?after=${seen.id}`));
      expect(byQuery).toEqual(byHeader);
    }
    const { response } = await readEvents(eventsOf(id), {
      headers: { 'last-event-id': all.at(-1)?.id ?? '' },
    });
    expect(response.status).toBe(204);
  });

  it('are bounded in how many read them at once, and places are given back', async () => {
    const id = await submit('held', { hold: '1' });
    const stop = new AbortController();
    const open = [1, 2, 3].map(() => fetch(eventsOf(id), { signal: stop.signal }));
    await Promise.all(open);
    const refused = await fetch(eventsOf(id));
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBeTruthy();
    expect(await refused.json()).toMatchObject({ error: { code: 'too_many_streams' } });
    stop.abort();
    const retried = await retryUntilOk(eventsOf(id));
    expect(retried.status).toBe(200);
    await retried.body?.cancel();
    await api.http.delete(`/v1/jobs/${id}`);
  });

  it.each(['yesterday', '1-3', '0-7', '1-999999999999998', '77-1'])(
    'are refused after %s, an id that the stream never gave out',
    async (eventId) => {
      const id = await submit('one two', { hold: '1' });
      await readEvents(eventsOf(id), {}, (one) => one.event === 'token');
      const byHeader = await fetch(eventsOf(id), { headers: { 'last-event-id': eventId } });
      expect(byHeader.status).toBe(400);
      expect(await byHeader.json()).toMatchObject({
        error: { code: 'invalid_value', param: 'last-event-id' },
      });
      const byQuery = await api.http.get(`/v1/jobs/${id}/events?after=${eventId}`).expect(400);
      expect(byQuery.body.error.param).toBe('after');
      await api.http.delete(`/v1/jobs/${id}`);
    },
  );

  it('resume on another server after the one that sent them is gone', async () => {
    const id = await submit('said before said after', { hold: '1' });
    const first = await startApi(redis.url);
    const path = `/v1/jobs/${id}/events`;
    const { events: before } = await readEvents(first.url + path, {}, (one) => one.event === 'token');
    const cutOff = readEvents(`${first.url}${path}?after=${before.at(-1)?.id}`);
    await first.close();
    expect((await cutOff).events.some((one) => one.event === 'done')).toBe(false);
    await api.http.delete(`/v1/jobs/${id}`);
    const second = await startApi(redis.url);
    const { events: after } = await readEvents(`${second.url}${path}`, {
      headers: { 'last-event-id': before.at(-1)?.id ?? '' },
    });
    expect(textOf(before)).toBe('said');
    expect(after.map((one) => one.event)).toEqual(['done']);
    await second.close();
  });

  it('answer HEAD with their headers alone', async () => {
    const id = await submit('head');
    const answer = await fetch(eventsOf(id), { method: 'HEAD' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
  });
});

async function retryUntilOk(url: string): Promise<Response> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await fetch(url);
    if (answer.status === 200) return answer;
    await answer.body?.cancel();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no place was given back');
}
