import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JOB_STATUSES } from '#contracts';
import { startTestRedis, type TestRedis } from '#testing';
import { jobPageSchema, jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url);
  worker = await startScriptedWorker(redis.url);
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

const job = (prompt: string, rest: object = {}) => ({ model: 'drover-tiny', input: { prompt }, ...rest });

async function submit(body: object): Promise<string> {
  const answer = await api.http.post('/v1/jobs').send(body).expect(202);
  return jobSchema.parse(answer.body).id;
}

describe('submitting', () => {
  it('answers 202 with the job, where it is and when to look', async () => {
    const answer = await api.http.post('/v1/jobs').send(job('one two', { metadata: { customer: '42' } }));
    expect(answer.status).toBe(202);
    const view = jobSchema.parse(answer.body);
    expect(answer.headers['location']).toBe(`/v1/jobs/${view.id}`);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(view).toMatchObject({ model: 'drover-tiny', variant: '6_5', metadata: { customer: '42' } });
  });

  it('gives the answer of a poll', async () => {
    const id = await submit(job('one two three'));
    const answer = await api.http.get(`/v1/jobs/${id}?wait=20`).expect(200);
    const view = jobSchema.parse(answer.body);
    expect(view).toMatchObject({ status: 'succeeded', attempt: 1, error: null });
    expect(view.output).toEqual({
      choices: [{ index: 0, text: 'one two three', finish_reason: 'stop', logprobs: null }],
    });
    expect(view.usage).toMatchObject({ completion_tokens: 3 });
  });

  it('answers messages with a message, and counts the prompt by the chat template', async () => {
    const input = { messages: [{ role: 'user', content: 'Hello!' }] };
    const { body } = await api.http
      .post('/v1/jobs?wait=20')
      .send({ model: 'drover-tiny:6_5', input })
      .expect(200);
    const view = jobSchema.parse(body);
    expect(view.output?.choices).toMatchObject([{ message: { role: 'assistant', content: 'Hello!' } }]);
    // Header, content, end of turn and the assistant's header make more tokens than the word alone.
    expect(view.usage?.prompt_tokens).toBeGreaterThan(5);
  });

  it('holds the answer for as long as the caller prefers', async () => {
    const done = await api.http.post('/v1/jobs').set('prefer', 'wait=20').send(job('quick')).expect(200);
    expect(done.headers['preference-applied']).toBe('wait=20');
    expect(done.body.status).toBe('succeeded');

    const held = await api.http
      .post('/v1/jobs')
      .set('prefer', 'respond-async, wait=1')
      .send(job('slow answer', { metadata: { hold: '1' } }))
      .expect(202);
    expect(held.headers['preference-applied']).toBe('wait=1');
    expect(held.body.status).toBe('running');
    await api.http.delete(`/v1/jobs/${held.body.id}`);
  });
});

describe('an idempotency key', () => {
  const post = (key: string, body: object) =>
    api.http.post('/v1/jobs').set('idempotency-key', key).send(body);

  it('gives the same job again for the same body', async () => {
    const first = await post('key-1', job('once')).expect(202);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    const again = await post('key-1', job('once')).expect(202);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.headers['location']).toBe(first.headers['location']);
    expect(again.body).toEqual(first.body);
  });

  it('gives the first answer again when its job has long ended', async () => {
    const first = await post('key-ended', job('ended')).expect(202);
    await api.http.get(`/v1/jobs/${first.body.id}?wait=10`).expect(200);
    const again = await post('key-ended', job('ended')).expect(202);
    expect(again.body).toEqual(first.body);
  });

  it('is refused for another body', async () => {
    await post('key-2', job('this')).expect(202);
    const refused = await post('key-2', job('that')).expect(422);
    expect(refused.body.error).toMatchObject({ code: 'idempotency_key_reused', param: 'idempotency-key' });
  });

  it('makes one job of many requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('key-3', job('together'))));
    const ids = new Set(answers.filter((one) => one.status === 202).map((one) => one.body.id));
    expect(ids.size).toBe(1);
    const others = answers.filter((one) => one.status !== 202);
    expect(others.map((one) => one.body.error.code)).toEqual(others.map(() => 'idempotency_in_progress'));
  });

  it('is free again after a request that was refused', async () => {
    const refused = await post('key-4', { ...job('hi'), model: 'unknown' });
    const accepted = await post('key-4', job('hi'));
    expect([refused.status, accepted.status]).toEqual([404, 202]);
  });

  it('must be visible ASCII', async () => {
    const refused = await post('a b', job('hi')).expect(400);
    expect(refused.body.error.param).toBe('idempotency-key');
  });
});

describe('listing', () => {
  it('goes through all jobs newest first, page by page, each once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.unshift(await submit(job(`listed ${i}`)));
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const { body } = await api.http.get(`/v1/jobs?limit=3${after}`).expect(200);
      const page = jobPageSchema.parse(body);
      seen.push(...page.data.map((one) => one.id));
      expect(page.first_id).toBe(page.data[0]?.id);
      if (!page.has_more) break;
      after = `&after=${page.last_id}`;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.slice(0, 7)).toEqual(ids);
    expect(seen).toEqual(seen.toSorted().toReversed());
  });

  it('filters by status, model and variant', async () => {
    const id = await submit(job('for the filter'));
    await api.http.get(`/v1/jobs/${id}?wait=20`);
    for (const status of JOB_STATUSES) {
      const { body } = await api.http.get(`/v1/jobs?status=${status}&limit=100`).expect(200);
      for (const one of jobPageSchema.parse(body).data) expect(one.status).toBe(status);
    }
    const none = await api.http.get('/v1/jobs?variant=5_0').expect(200);
    expect(none.body).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
    const some = await api.http.get('/v1/jobs?model=drover-tiny&variant=6_5&status=succeeded').expect(200);
    expect(some.body.data.map((one: { id: string }) => one.id)).toContain(id);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'status=done', 'after=5', 'variant=six', 'stauts=queued'])(
    'refuses ?%s by name',
    async (query) => {
      const { body } = await api.http.get(`/v1/jobs?${query}`).expect(400);
      expect(body.error.param).toBe(query.split('=')[0]);
    },
  );
});

describe('a queued job', () => {
  it('tells its position, and ends at once when it is cancelled', async () => {
    const held = [
      await submit(job('slot one', { metadata: { hold: '1' } })),
      await submit(job('slot two', { metadata: { hold: '1' } })),
    ];
    for (const id of held) await untilRunning(id);
    const waiting = [await submit(job('third')), await submit(job('fourth'))];
    const positions = await Promise.all(waiting.map((id) => api.http.get(`/v1/jobs/${id}`)));
    expect(positions.map((answer) => answer.body.queue)).toMatchObject([{ position: 1 }, { position: 2 }]);

    for (const id of waiting) {
      const { body } = await api.http.delete(`/v1/jobs/${id}`).expect(200);
      expect(body).toMatchObject({ status: 'cancelled', attempt: 0, output: null });
    }
    await api.http.delete(`/v1/jobs/${waiting[0]}`).expect(200);
    for (const id of held) await api.http.delete(`/v1/jobs/${id}`).expect(202);
  });
});

async function untilRunning(id: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const { body } = await api.http.get(`/v1/jobs/${id}`);
    if (body.status === 'running' && body.attempt > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`job ${id} did not start`);
}
