import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeErrorCode } from '#contracts';
import { startTestRedis, type TestRedis } from '#testing';
import { errorSchema, jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, { DROVER_BODY_LIMIT_BYTES: '20000', DROVER_MAX_QUEUED_JOBS: '3' });
  worker = await startScriptedWorker(redis.url, { slots: 1, contextTokens: 64 });
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  await redis?.close();
});

/** Sends a request and holds its refusal to the one error shape, with the status that its code stands for. */
async function refused(path: string, init: RequestInit = {}) {
  const answer = await fetch(api.url + path, init);
  const { error } = errorSchema.parse(await answer.json());
  expect(answer.headers.get('x-request-id')).toBeTruthy();
  expect(error.code && describeErrorCode(error.code)).toEqual({
    httpStatus: answer.status,
    type: error.type,
  });
  return { status: answer.status, headers: answer.headers, ...error };
}

const post = (body: string, type = 'application/json'): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': type },
  body,
});
const postJob = (job: object) => post(JSON.stringify(job));
const prompt = (text: string, input: object = {}) => ({
  model: 'drover-tiny',
  input: { prompt: text, ...input },
});

describe('a refusal', () => {
  it.each([
    ['/nowhere', {}, 404, 'route_not_found'],
    ['/v1/jobs/job_00000000000000000000000000000000', {}, 404, 'job_not_found'],
    ['/v1/jobs/nonsense', {}, 404, 'job_not_found'],
    ['/v1/jobs/nonsense/events', {}, 404, 'job_not_found'],
    ['/v1/jobs/nonsense', { method: 'DELETE' }, 404, 'job_not_found'],
    ['/v1/models/unknown', {}, 404, 'model_not_found'],
    ['/v1/jobs/x?wait=301', {}, 400, 'invalid_value'],
    ['/v1/jobs', { method: 'PUT' }, 405, 'method_not_allowed'],
    ['/v1/models', { method: 'POST' }, 405, 'method_not_allowed'],
    ['/v1/jobs', post('{"model":'), 400, 'invalid_json'],
    ['/v1/jobs', post(''), 400, 'invalid_value'],
    ['/v1/jobs', post('a=b', 'application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
    ['/v1/jobs', post('hello', 'text/plain'), 415, 'unsupported_media_type'],
    ['/v1/jobs', post(`"${'x'.repeat(30_000)}"`), 413, 'payload_too_large'],
    ['/v1/jobs', postJob({ ...prompt('x'), model: 'unknown' }), 404, 'model_not_found'],
    ['/v1/jobs', postJob({ ...prompt('x'), variant: '9_9' }), 404, 'variant_not_found'],
    ['/v1/jobs', postJob(prompt('x', { response_format: {} })), 400, 'missing_field'],
    ['/v1/jobs', postJob({ ...prompt('x'), webhook: 'http://169.254.169.254/' }), 400, 'invalid_value'],
    ['/v1/jobs', postJob({ ...prompt('x'), webhook: { url: 'http://0x7f.1/' } }), 400, 'invalid_value'],
    ['/%', {}, 400, 'invalid_value'],
    [`/v1/jobs/${'x'.repeat(300)}`, {}, 404, 'route_not_found'],
  ])('of %.60s %.90j is %i %s', async (path, init, status, code) => {
    expect(await refused(path, init)).toMatchObject({ status, code });
  });

  it('names the methods that a path takes', async () => {
    const { headers, message } = await refused('/v1/jobs', { method: 'PATCH' });
    expect(headers.get('allow')).toBe('GET, HEAD, POST');
    expect(message).toContain('GET, HEAD, POST');
  });

  it('of a job that does not fit says both numbers', async () => {
    const tooLong = await refused('/v1/jobs', postJob(prompt('word '.repeat(100))));
    expect(tooLong).toMatchObject({ code: 'context_length_exceeded', param: 'input.prompt' });
    expect(tooLong.message).toMatch(/\b64\b/);
    const tooMany = await refused('/v1/jobs', postJob(prompt('word', { max_tokens: 64 })));
    expect(tooMany).toMatchObject({ code: 'context_length_exceeded', param: 'input.max_tokens' });
  });

  it('of a prompt far beyond any context comes without reading it all', async () => {
    const huge = await refused('/v1/jobs', postJob(prompt('word '.repeat(3_900))));
    expect(huge.code).toBe('context_length_exceeded');
  });

  it('of what is no HTTP has the same shape', async () => {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    socket.end('this is not http\r\n\r\n');
    const text = (await socket.toArray()).join('');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/^x-request-id: /m);
    errorSchema.parse(JSON.parse(text.slice(text.indexOf('\r\n\r\n'))));
  });

  it('of a full queue says when to come back, and takes no place', async () => {
    const hold = { ...prompt('held job'), metadata: { hold: '1' } };
    let answer: Response;
    const accepted: string[] = [];
    do {
      answer = await fetch(`${api.url}/v1/jobs`, postJob(hold));
      if (answer.status === 202) accepted.push(jobSchema.parse(await answer.json()).id);
    } while (answer.status === 202 && accepted.length < 10);
    // One runs and three may wait.
    expect(accepted.length).toBeLessThanOrEqual(4);
    const full = await refused('/v1/jobs', postJob(hold));
    expect(full).toMatchObject({ status: 429, code: 'queue_full', type: 'rate_limit_error' });
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const id of accepted) await fetch(`${api.url}/v1/jobs/${id}`, { method: 'DELETE' });
  });
});

describe('nonsense', () => {
  const methods = fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH');
  const paths = fc.constantFrom(
    '/v1/jobs',
    '/v1/jobs/job_1',
    '/v1/jobs/job_1/events',
    '/v1/jobs/job_1/retry',
    '/v1/jobs/job_1/deliveries',
    '/v1/dead_letters',
    '/v1/webhook_endpoints',
    '/v1/webhook_endpoints/we_1',
    '/v1/webhook_endpoints/we_1/redeliver',
    '/v1/webhook_endpoints/we_1/deliveries',
    '/v1/models',
    '/v1/models/drover-tiny',
    '/healthz',
    '/readyz',
    '/metrics',
    '/openapi.json',
    '/docs',
  );
  const query = fc.oneof(
    fc.constant(''),
    fc.webQueryParameters().map((text) => `?${text}`),
    fc
      .tuple(fc.constantFrom('limit', 'wait', 'after', 'status'), fc.string({ maxLength: 10 }))
      .map(([name, value]) => `?${name}=${encodeURIComponent(value)}`),
  );
  // Half-right bodies go deeper than random ones.
  const nearly = fc.record(
    {
      model: fc.oneof(fc.constantFrom('drover-tiny', 'drover-tiny:6_5', 'drover-tiny:', ':'), fc.string()),
      variant: fc.oneof(fc.constantFrom('auto', '6_5', '5_0'), fc.string()),
      input: fc.oneof(
        fc.record(
          {
            prompt: fc.string({ unit: 'grapheme' }),
            messages: fc.array(
              fc.record({ role: fc.constantFrom('user', 'system', 'tool'), content: fc.jsonValue() }),
            ),
            max_tokens: fc.oneof(fc.integer(), fc.double()),
            temperature: fc.jsonValue(),
            stop: fc.jsonValue(),
            logit_bias: fc.dictionary(fc.string(), fc.jsonValue()),
          },
          { requiredKeys: [] },
        ),
        fc.jsonValue(),
      ),
      webhook: fc.oneof(fc.webUrl(), fc.jsonValue()),
      metadata: fc.dictionary(fc.string(), fc.string()),
      start_by: fc.oneof(
        fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        fc.string(),
      ),
      priority: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const bodies = fc.oneof(
    nearly.map((body) => JSON.stringify(body)),
    fc.json(),
    fc.string(),
  );
  const types = fc.constantFrom('application/json', 'application/json; charset=utf-8', 'text/plain', 'x');

  it(
    'on any route never makes a server error, nor an answer of another shape',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(methods, paths, query, bodies, types, async (method, path, search, body, type) => {
          const mayCarryBody = method !== 'GET';
          const answer = await fetch(api.url + path + search, {
            method,
            redirect: 'manual',
            headers: { 'content-type': type },
            ...(mayCarryBody ? { body } : {}),
          });
          const text = await answer.text();
          expect(answer.headers.get('x-request-id')).toBeTruthy();
          if (answer.status < 400) return;
          const { error } = errorSchema.parse(JSON.parse(text));
          expect(error.code && describeErrorCode(error.code).httpStatus).toBe(answer.status);
          // A variant that nobody serves is an honest answer to a good request.
          expect(answer.status < 500 || error.code === 'no_worker').toBe(true);
        }),
        { numRuns: 400 },
      );
    },
  );
});
