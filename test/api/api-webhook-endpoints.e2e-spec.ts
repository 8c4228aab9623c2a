import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '#testing';
import {
  webhookEndpointListSchema,
  webhookEndpointSchema,
  webhookEndpointWithSecretSchema,
} from '../../apps/api/src/openapi/webhook-schemas.js';
import { ALICE, BOB, startApi, TWO_KEYS, type RunningApi } from './start-api.js';

const PATH = '/v1/webhook_endpoints';
const URL = 'https://example.com/hook';

let redis: TestRedis;
let api: RunningApi;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url, TWO_KEYS);
});

afterAll(async () => {
  await api?.close();
  await redis?.close();
});

async function create(body: object = { url: URL }, owner = ALICE) {
  const answer = await api.http.post(PATH).set(owner).send(body).expect(201);
  expect(answer.headers['location']).toBe(`${PATH}/${answer.body.id}`);
  return webhookEndpointWithSecretSchema.parse(answer.body);
}

async function list(owner = ALICE) {
  const { body } = await api.http.get(PATH).set(owner).expect(200);
  return webhookEndpointListSchema.parse(body).data;
}

describe('a webhook endpoint', () => {
  it('is created with a secret that is shown once', async () => {
    const { secret, ...created } = await create({ url: URL, events: ['job.failed'], description: 'pager' });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(created).toMatchObject({ url: URL, events: ['job.failed'], description: 'pager', enabled: true });
    const { body } = await api.http.get(`${PATH}/${created.id}`).set(ALICE).expect(200);
    expect(webhookEndpointSchema.parse(body)).toEqual(created);
    expect(await list()).toContainEqual(created);
  });

  it('hears of every end unless it says otherwise', async () => {
    const { events } = await create();
    expect(events).toEqual(['job.succeeded', 'job.failed', 'job.cancelled', 'job.expired']);
  });

  it('is changed field by field, disabled and enabled', async () => {
    const { secret: _, ...created } = await create({ url: URL, description: 'before' });
    const patch = async (body: object) =>
      webhookEndpointSchema.parse(
        (await api.http.patch(`${PATH}/${created.id}`).set(ALICE).send(body).expect(200)).body,
      );
    const renamed = await patch({ description: 'after' });
    expect(renamed).toEqual({ ...created, description: 'after' });
    const disabled = await patch({ enabled: false });
    expect(disabled).toMatchObject({ enabled: false, disabled: { reason: 'by_request' } });
    expect((await api.http.get('/metrics')).text).toMatch(
      /^drover_webhook_endpoints\{state="disabled"\} 1$/m,
    );
    expect(await patch({ enabled: true })).toEqual(renamed);
    const moved = await patch({ url: 'https://example.org/', events: ['job.started'] });
    expect(moved).toEqual({ ...renamed, url: 'https://example.org/', events: ['job.started'] });
  });

  it('gets a new secret, and says how long the old one signs', async () => {
    const created = await create();
    const rotate = async (body?: object) =>
      webhookEndpointWithSecretSchema.parse(
        (await api.http.post(`${PATH}/${created.id}/rotate_secret`).set(ALICE).send(body).expect(200)).body,
      );
    const rotated = await rotate();
    expect(rotated.secret).not.toBe(created.secret);
    expect(Date.parse(rotated.old_secret_expires_at ?? '')).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    const again = await rotate({ old_secret_expires_in_s: 0 });
    expect(again.secret).not.toBe(rotated.secret);
    expect(again.old_secret_expires_at).toBeNull();
  });

  it('is removed, once', async () => {
    const { id } = await create();
    await api.http.delete(`${PATH}/${id}`).set(ALICE).expect(204);
    const { body } = await api.http.delete(`${PATH}/${id}`).set(ALICE).expect(404);
    expect(body.error).toMatchObject({ type: 'not_found_error', code: 'webhook_endpoint_not_found' });
    expect((await list()).map((one) => one.id)).not.toContain(id);
  });

  it('of another key is as missing as one that never was', async () => {
    const { id } = await create();
    const ways = [
      (one: string) => api.http.get(`${PATH}/${one}`),
      (one: string) => api.http.patch(`${PATH}/${one}`).send({ enabled: false }),
      (one: string) => api.http.post(`${PATH}/${one}/rotate_secret`),
      (one: string) => api.http.delete(`${PATH}/${one}`),
    ];
    for (const ask of ways) {
      const foreign = await ask(id).set(BOB).expect(404);
      const missing = await ask('we_000000000000000000000000').set(BOB).expect(404);
      expect(foreign.text.replaceAll(id, '')).toBe(
        missing.text.replaceAll('we_000000000000000000000000', ''),
      );
    }
    expect((await api.http.get(`${PATH}/${id}`).set(ALICE).expect(200)).body.enabled).toBe(true);
    expect((await list(BOB)).map((one) => one.id)).not.toContain(id);
  });

  it.each([
    [{}, 'missing_field', 'url'],
    [{ url: 'hook' }, 'invalid_value', 'url'],
    [{ url: 'http://10.0.0.1/' }, 'invalid_value', 'url'],
    [{ url: 'http://2130706433/' }, 'invalid_value', 'url'],
    [{ url: URL, events: [] }, 'invalid_value', 'events'],
    [{ url: URL, events: ['job.done'] }, 'invalid_value', 'events[0]'],
    [{ url: URL, secret: 'mine' }, 'unknown_field', 'secret'],
    [{ url: URL, description: 'x'.repeat(257) }, 'invalid_value', 'description'],
  ])('is refused for %.60j by %s at %s', async (body, code, param) => {
    const refused = await api.http.post(PATH).set(ALICE).send(body).expect(400);
    expect(refused.body.error).toMatchObject({ code, param });
  });

  it('is one of 50 at most', async () => {
    const room = 50 - (await list(BOB)).length;
    const answers = await Promise.all(
      Array.from({ length: room + 5 }, () => api.http.post(PATH).set(BOB).send({ url: URL })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(room);
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused).toHaveLength(5);
    expect(refused[0]?.body.error).toMatchObject({ code: 'too_many_webhook_endpoints' });
    expect(refused[0]?.body.error.message).toContain('50');
    expect(await list(BOB)).toHaveLength(50);
  });
});
