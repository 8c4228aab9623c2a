import { copyFile, mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { variantDirectory } from '#model-store';
import { buildDroverTinyVariant, requireNativeRedis, startTestRedis, type TestRedis } from '#testing';
import { ROUTES } from '../../apps/api/src/backend/tokens.js';
import type { Route } from '../../apps/api/src/http/route-table.js';
import { OPERATIONS } from '../../apps/api/src/openapi/operations.js';
import { errorSchema, modelPageSchema, readySchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents } from './read-events.js';
import { startScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

async function open<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  opened.push(started);
  return started;
}

const startRedis = (): Promise<TestRedis> => open(startTestRedis());
const startOn = (redis: TestRedis, env = {}): Promise<RunningApi> => open(startApi(redis.url, env));
const JOB = { model: 'drover-tiny', input: { prompt: 'one two' } };

describe('the service', () => {
  it('documents every route it has, and no other', async () => {
    const api = await startOn(await startRedis());
    const routes = api.app
      .get<readonly Route[]>(ROUTES)
      .filter(({ method, path }) => method !== 'HEAD' && !path.startsWith('/docs/'));
    const key = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;
    expect(routes.map(key).toSorted()).toEqual(OPERATIONS.map(key).toSorted());
  });

  it('shows its documentation without loading anything from elsewhere', async () => {
    const api = await startOn(await startRedis());
    const page = await api.http.get('/docs/').expect(200);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    await api.http.get('/docs/js/scalar.js').expect(200);
    await api.http.get('/docs/').set('host', 'a b').expect(400);
  });

  it('echoes a sane request id and makes one otherwise', async () => {
    const api = await startOn(await startRedis());
    const echoed = await api.http.get('/healthz').set('x-request-id', 'trace-7');
    expect(echoed.headers['x-request-id']).toBe('trace-7');
    const made = await api.http.get('/healthz').set('x-request-id', 'a b');
    expect(made.headers['x-request-id']).toMatch(/^req_/);
  });

  it('is ready while Redis answers, and says what Redis is', async () => {
    const redis = await startRedis();
    const api = await startOn(redis);
    const { body } = await api.http.get('/readyz').expect(200);
    expect(readySchema.parse(body).store.kind).toBe(redis.kind === 'native' ? 'redis' : 'embedded-js');
  });

  it('lists its models with the workers that serve them, and measures its queues', async () => {
    const redis = await startRedis();
    const api = await startOn(redis);
    await open(startScriptedWorker(redis.url, { slots: 3 }));
    const { body } = await api.http.get('/v1/models').expect(200);
    const [model] = modelPageSchema.parse(body).data;
    expect(model).toMatchObject({ id: 'drover-tiny', context_tokens: 1024 });
    expect(model?.variants).toMatchObject([{ id: 'drover-tiny:6_5', workers: { live: 1, slots: 3 } }]);
    const one = await api.http.get('/v1/models/drover-tiny').expect(200);
    expect(one.body).toEqual(model);

    await api.http.post('/v1/jobs?wait=20').send(JOB).expect(200);
    const { text } = await api.http.get('/metrics').expect(200);
    expect(text).toMatch(/^drover_live_workers\{model="drover-tiny",variant="6_5"\} 1$/m);
    expect(text).toMatch(/^drover_queue_depth_jobs\{model="drover-tiny",variant="6_5",state="waiting"\} 0$/m);
    expect(text).toMatch(/^drover_queue_waiting_tokens\{model="drover-tiny",variant="6_5"\} 0$/m);
    expect(text).toMatch(/^drover_jobs_submitted_total\{model="drover-tiny",variant="6_5"\} 1$/m);
    expect(text).toMatch(
      /^drover_service_jobs_finished_total\{model="drover-tiny",variant="6_5",status="succeeded"\} 1$/m,
    );
    expect(text).toMatch(
      /^drover_http_request_duration_seconds_count\{method="POST",route="\/v1\/jobs",status="200"\} 1$/m,
    );
  });
});

describe('without a worker', () => {
  it('a job is refused at the door, unless it waits for one', async () => {
    const redis = await startRedis();
    const dataDir = await mkdtemp(join(tmpdir(), 'drover-variants-'));
    const directory = variantDirectory(dataDir, 'drover-tiny', '6_5');
    await mkdir(directory, { recursive: true });
    await copyFile(join(await buildDroverTinyVariant(6.5), 'quant.json'), join(directory, 'quant.json'));
    const api = await startOn(redis, { DROVER_DATA_DIR: dataDir });

    const refused = await api.http.post('/v1/jobs').send(JOB).expect(503);
    expect(refused.body.error).toMatchObject({ code: 'no_worker' });
    expect(refused.body.error.message).toContain('wait_for_worker');
    expect(refused.headers['retry-after']).toBe('5');

    const waits = { ...JOB, wait_for_worker: true };
    const { body: queued } = await api.http.post('/v1/jobs').send(waits).expect(202);
    expect(queued).toMatchObject({ status: 'queued', variant: '6_5', queue: { position: 1 } });
    const { body: models } = await api.http.get('/v1/models').expect(200);
    const [variant] = modelPageSchema.parse(models).data[0]?.variants ?? [];
    expect(variant).toMatchObject({ on_disk: true, workers: { live: 0 } });
    expect(variant?.memory_bytes_per_worker).toBeGreaterThan(variant?.file_bytes ?? Infinity);
    await open(startScriptedWorker(redis.url));
    // At once, though the API has just seen that there was none.
    await api.http.post('/v1/jobs').send(JOB).expect(202);
    const { body: done } = await api.http.get(`/v1/jobs/${queued.id}?wait=20`).expect(200);
    expect(done.status).toBe('succeeded');
  });

  it('auto takes the best variant that has a free slot', async () => {
    const redis = await startRedis();
    const api = await startOn(redis);
    await open(startScriptedWorker(redis.url, { variant: '8_0', slots: 1 }));
    await open(startScriptedWorker(redis.url, { variant: '5_0', slots: 1 }));
    const hold = { ...JOB, metadata: { hold: '1' } };
    const variants: string[] = [];
    for (let i = 0; i < 2; i += 1)
      variants.push((await api.http.post('/v1/jobs').send(hold).expect(202)).body.variant);
    expect(variants).toEqual(['8_0', '5_0']);
  });
});

describe('with Redis gone', () => {
  it('every /v1 route answers 503 at once, and serves again when Redis is back', async (context) => {
    const redis = await startRedis();
    requireNativeRedis(context, redis);
    const api = await startOn(redis);
    await open(startScriptedWorker(redis.url));
    const { body: job } = await api.http.post('/v1/jobs?wait=20').send(JOB).expect(200);
    await redis.kill9();
    const requests = [
      () => api.http.post('/v1/jobs').send(JOB),
      () => api.http.post('/v1/jobs').set('idempotency-key', 'k').send(JOB),
      () => api.http.get('/v1/jobs'),
      () => api.http.get(`/v1/jobs/${job.id}`),
      () => api.http.get(`/v1/jobs/${job.id}?wait=60`),
      () => api.http.delete(`/v1/jobs/${job.id}`),
      () => api.http.get(`/v1/jobs/${job.id}/events`),
      () => api.http.post(`/v1/jobs/${job.id}/retry`),
      () => api.http.get('/v1/dead_letters'),
      () => api.http.get(`/v1/jobs/${job.id}/deliveries`),
      () => api.http.post('/v1/webhook_endpoints').send({ url: 'https://example.com/' }),
      () => api.http.get('/v1/webhook_endpoints'),
      () => api.http.post('/v1/webhook_endpoints/we_1/test'),
      () => api.http.get('/v1/webhook_endpoints/we_1/deliveries'),
      () => api.http.post('/v1/webhook_endpoints/we_1/redeliver').send({ since: '2026-01-01T00:00:00Z' }),
      () => api.http.post('/v1/webhook_deliveries/d/redeliver'),
      () => api.http.get('/v1/models'),
      () => api.http.get('/readyz'),
    ];
    for (const request of requests) {
      // Far less than any timeout of a connection; a hang would take until the client gives up.
      const answer = await request().timeout(1_500);
      expect(answer.status).toBe(503);
      expect(errorSchema.parse(answer.body).error).toMatchObject({
        type: 'unavailable_error',
        code: 'queue_unavailable',
      });
      expect(answer.headers['retry-after']).toBeTruthy();
    }
    await api.http.get('/healthz').expect(200);
    const { text } = await api.http.get('/metrics').expect(200);
    expect(text).not.toMatch(/^drover_(queue_depth_jobs|queue_waiting_tokens|dead_letters_jobs)/m);

    await redis.restart();
    await untilReady(api);
    const { body } = await api.http.get(`/v1/jobs/${job.id}`).expect(200);
    expect(body.status).toBe('succeeded');
  });
});

describe('a shutdown', () => {
  it('answers open waits and streams with what there is, refuses new jobs, and ends', async () => {
    const redis = await startRedis();
    const api = await startApi(redis.url);
    await open(startScriptedWorker(redis.url));
    const { body: job } = await api.http
      .post('/v1/jobs')
      .send({ ...JOB, metadata: { hold: '1' } })
      .expect(202);
    const waiting = fetch(`${api.url}/v1/jobs/${job.id}?wait=60`);
    const stream = readEvents(`${api.url}/v1/jobs/${job.id}/events`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await api.close();
    const waited = await waiting;
    expect(waited.status).toBe(200);
    expect(await waited.json()).toMatchObject({ id: job.id, status: 'running' });
    const { events } = await stream;
    expect(events.at(-1)?.event).not.toBe('done');
    await expect(fetch(`${api.url}/healthz`)).rejects.toThrow('fetch failed');
  });
});

async function untilReady(api: RunningApi): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await api.http.get('/readyz')).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('Redis did not come back');
}
