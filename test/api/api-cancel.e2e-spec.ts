import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, until, type TestRedis } from '#testing';
import { jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents } from './read-events.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let replicas: readonly [RunningApi, RunningApi];
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  replicas = [await startApi(redis.url), await startApi(redis.url)];
  worker = await startScriptedWorker(redis.url, { slots: 1 });
});

afterAll(async () => {
  await worker?.close();
  for (const replica of replicas ?? []) await replica.close();
  await redis?.close();
});

const job = (prompt: string, metadata: Record<string, string> = {}) => ({
  model: 'drover-tiny',
  input: { prompt },
  metadata,
});

async function submit(replica: RunningApi, body: object): Promise<string> {
  const answer = await replica.http.post('/v1/jobs').send(body).expect(202);
  return jobSchema.parse(answer.body).id;
}

const cancel = (replica: RunningApi, id: string) => replica.http.delete(`/v1/jobs/${id}`);

/** Cancels from both replicas at once, several times. */
const cancelEverywhere = (id: string) =>
  Promise.all([...replicas, ...replicas, ...replicas].map((replica) => cancel(replica, id)));

async function untilSpeaking(replica: RunningApi, id: string): Promise<void> {
  await readEvents(`${replica.url}/v1/jobs/${id}/events`, {}, ({ event }) => event === 'token');
}

async function cancelledCount(): Promise<number> {
  const { text } = await replicas[0].http.get('/metrics');
  const line = /^drover_service_jobs_finished_total\{.*status="cancelled"\} (\d+)$/m.exec(text);
  return Number(line?.[1] ?? 0);
}

describe('a cancellation', () => {
  it('stops a running job from any replica, keeps its partial text, and may be asked for again', async () => {
    const [one, other] = replicas;
    const id = await submit(one, job('first never said', { hold: '1' }));
    await untilSpeaking(one, id);
    const stopping = await cancel(other, id).expect(202);
    expect(stopping.body).toMatchObject({ id, status: 'running' });
    const { body } = await one.http.get(`/v1/jobs/${id}?wait=20`).expect(200);
    expect(jobSchema.parse(body)).toMatchObject({ status: 'cancelled', usage: { completion_tokens: 1 } });
    expect(body.output.choices[0]).toMatchObject({ text: 'first', finish_reason: 'cancelled' });
    const again = await cancel(other, id).expect(200);
    expect(again.body).toEqual(body);
  });

  it('of a job that ended otherwise is a conflict that says how', async () => {
    const [one, other] = replicas;
    const { body } = await one.http.post('/v1/jobs?wait=20').send(job('over')).expect(200);
    const refused = await cancel(other, body.id).expect(409);
    expect(refused.body.error).toMatchObject({ type: 'conflict_error', code: 'job_already_finished' });
    expect(refused.body.error.message).toContain('`succeeded`');
  });

  it('asked for many times at once happens once, running or queued', async () => {
    const before = await cancelledCount();
    const running = await submit(replicas[0], job('said never', { hold: '1' }));
    await untilSpeaking(replicas[0], running);
    const queued = await submit(replicas[1], job('waits'));
    const answers = await Promise.all([cancelEverywhere(queued), cancelEverywhere(running)]);
    expect(answers[0].map(({ status }) => status)).toEqual(answers[0].map(() => 200));
    for (const { status } of answers[1]) expect([200, 202]).toContain(status);
    for (const id of [running, queued]) {
      const { body } = await replicas[1].http.get(`/v1/jobs/${id}?wait=20`).expect(200);
      expect(body.status).toBe('cancelled');
      const { events } = await readEvents(`${replicas[0].url}/v1/jobs/${id}/events`);
      expect(events.filter(({ event }) => event === 'done')).toHaveLength(1);
    }
    await until(async () => (await cancelledCount()) === before + 2);
  });

  it('that races the end of its job gives one end, and every answer agrees with it', async () => {
    const outcomes = new Set<string>();
    const ended = (status: string) => [...outcomes].some((outcome) => outcome.endsWith(status));
    for (let i = 0; i < 40 || !(ended('cancelled') && ended('succeeded')); i += 1) {
      const [one, other] = i % 2 === 0 ? replicas : replicas.toReversed();
      if (one === undefined || other === undefined) throw new Error('two replicas are needed');
      const id = await submit(one, job('a b c d e f'.slice(0, 1 + (i % 6) * 2)));
      // Somewhere between before its start and after its end; later each round, however busy the machine is.
      await new Promise((resolve) => setTimeout(resolve, (i % 10) * (2 + i / 10)));
      const { status } = await cancel(other, id);
      const { body } = await one.http.get(`/v1/jobs/${id}?wait=20`).expect(200);
      outcomes.add(`${status} ${body.status}`);
      expect((await other.http.get(`/v1/jobs/${id}`)).body).toEqual(body);
    }
    // 202 promises to try: the end may come first. 200 and 409 are the truth already.
    const possible = ['200 cancelled', '202 cancelled', '202 succeeded', '409 succeeded'];
    expect([...outcomes].filter((outcome) => !possible.includes(outcome))).toEqual([]);
  });
});
