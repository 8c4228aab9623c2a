import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportWorkerDeath } from '#queue';
import { startTestRedis, until, type TestRedis } from '#testing';
import { jobPageSchema, jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
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

const HELD = { model: 'drover-tiny', input: { prompt: 'deadly words' }, metadata: { hold: '1' } };

/** A job whose worker was seen to die over it, twice. */
async function quarantinedJob(): Promise<string> {
  const { body } = await api.http.post('/v1/jobs').set(ALICE).send(HELD).expect(202);
  const id = jobSchema.parse(body).id;
  for (const attempt of [1, 2]) {
    await until(async () => {
      const { body: job } = await api.http.get(`/v1/jobs/${id}`).set(ALICE);
      return job.status === 'running' && job.attempt === attempt;
    });
    await reportWorkerDeath(redis.url, {
      workerId: `worker-${attempt}`,
      model: 'drover-tiny',
      variant: '6_5',
      atMs: Date.now(),
      signal: 'SIGSEGV',
      exitCode: null,
      memoryBytes: 123_456,
      lastStep: 'decode',
      blamed: true,
      jobsInStep: [id],
      jobsHeld: [{ jobId: id, attempt }],
    });
  }
  await api.http.get(`/v1/jobs/${id}?wait=30`).set(ALICE).expect(200);
  return id;
}

async function deadLetters(query = '', owner = ALICE) {
  const { body } = await api.http.get(`/v1/dead_letters${query}`).set(owner).expect(200);
  return jobPageSchema.parse(body);
}

describe('dead letters', () => {
  it('tell how the workers died, go page by page, and leave with a retry', async () => {
    const first = await quarantinedJob();
    const second = await quarantinedJob();
    const page = await deadLetters('?limit=1');
    expect(page).toMatchObject({ first_id: second, has_more: true });
    expect(page.data[0]).toMatchObject({
      id: second,
      status: 'failed',
      error: {
        code: 'quarantined',
        deaths: [
          {
            worker: 'worker-1',
            signal: 'SIGSEGV',
            memory_bytes: 123_456,
            last_step: 'decode',
            jobs_in_step: 1,
          },
          { worker: 'worker-2' },
        ],
      },
    });
    const next = await deadLetters(`?limit=1&after=${page.last_id}`);
    expect(next.data.map(({ id }) => id)).toEqual([first]);
    expect(next.has_more).toBe(false);
    expect((await deadLetters('', BOB)).data).toEqual([]);
    expect((await api.http.get('/metrics')).text).toMatch(/^drover_dead_letters_jobs 2$/m);

    await api.http.post(`/v1/jobs/${first}/retry`).set(ALICE).expect(202);
    expect((await deadLetters()).data.map(({ id }) => id)).toEqual([second]);
    await api.http.delete(`/v1/jobs/${first}`).set(ALICE);
  });

  it.each(['limit=0', 'limit=101', 'after=job_1', 'status=failed'])('refuse ?%s by name', async (query) => {
    const { body } = await api.http.get(`/v1/dead_letters?${query}`).set(ALICE).expect(400);
    expect(body.error.param).toBe(query.split('=')[0]);
  });
});
