import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WEBHOOK_EVENT_TYPES } from '#contracts';
import { connectRedis, redisKeys, whenReady } from '#queue';
import { startTestRedis, type TestRedis } from '#testing';
import { EndpointStore, MAX_ENDPOINTS } from './endpoint-store.js';

const url = 'https://hook.example/';
let server: TestRedis;
let redis: Redis;
let store: EndpointStore;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis(server.url, 'api');
  await whenReady(redis, 5_000);
  store = new EndpointStore(redis);
});

afterEach(() => redis.flushall());

afterAll(async () => {
  redis.disconnect();
  await server.close();
});

/** What the job scripts see: the events that a tenant's enabled endpoints want. */
const subscribed = async (tenant: string) =>
  (await redis.hget(redisKeys.webhookSubscribers, tenant))?.split(',') ?? [];

const events = fc.subarray([...WEBHOOK_EVENT_TYPES], { minLength: 1 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), events }),
  fc.record({ kind: fc.constant('change' as const), at: fc.nat(4), events }),
  fc.record({ kind: fc.constant('enable' as const), at: fc.nat(4), enabled: fc.boolean() }),
  fc.record({ kind: fc.constant('gone' as const), at: fc.nat(4) }),
  fc.record({ kind: fc.constant('rotate' as const), at: fc.nat(4) }),
  fc.record({ kind: fc.constant('delete' as const), at: fc.nat(4) }),
);

describe('the standing endpoints of a tenant', () => {
  it('leave the events that somebody wants exactly right, after any history and with many writers at once', async () => {
    let tenants = 0;
    const history = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(history, async (rounds) => {
        const tenant = `tenant${tenants++}`;
        for (const round of rounds) {
          const all = await store.list(tenant);
          const ids = all.map(({ id }) => id);
          await Promise.all(round.map((one) => run(tenant, one, ids)));
          const wanted = (await store.list(tenant)).flatMap((one) => (one.disabled ? [] : one.events));
          expect(await subscribed(tenant)).toEqual([...new Set(wanted)].toSorted());
        }
      }),
      { numRuns: 40 },
    );
  });

  it(`are ${MAX_ENDPOINTS} at most, whoever creates them at once`, async () => {
    const wishes = Array.from({ length: MAX_ENDPOINTS + 10 }, () => store.create('many', { url }, 0));
    const made = (await Promise.all(wishes)).filter((endpoint) => endpoint !== undefined);
    expect(made).toHaveLength(MAX_ENDPOINTS);
    expect(await store.list('many')).toHaveLength(MAX_ENDPOINTS);
    expect(await store.create('others', { url }, 0)).toBeDefined();
  });

  it('are nobody else’s', async () => {
    const endpoint = await store.create('mine', { url }, 0);
    const id = endpoint?.id ?? '';
    expect(await store.get('theirs', id)).toBeUndefined();
    expect(await store.update('theirs', id, { enabled: false }, 1)).toBeUndefined();
    expect(await store.rotateSecret('theirs', id, 0, 1)).toBeUndefined();
    expect(await store.delete('theirs', id)).toBe(false);
    expect(await store.get('mine', id)).toEqual(endpoint);
  });

  it('lose no change to another that is made at the same time', async () => {
    const endpoint = await store.create('racing', { url }, 0);
    const id = endpoint?.id ?? '';
    await Promise.all([
      store.update('racing', id, { description: 'changed' }, 1),
      store.rotateSecret('racing', id, 1_000, 1),
      store.noteAttempt('racing', id, 'failed', 7),
      store.update('racing', id, { events: ['job.started'] }, 1),
    ]);
    const after = await store.get('racing', id);
    expect(after).toMatchObject({ description: 'changed', failingSinceMs: 7, events: ['job.started'] });
    expect(after?.oldSecret?.secret).toBe(endpoint?.secret);
  });
});

async function run(
  tenant: string,
  one: typeof step extends fc.Arbitrary<infer T> ? T : never,
  ids: string[],
) {
  if (one.kind === 'create') return store.create(tenant, { url, events: one.events }, 0);
  const id = ids[one.at] ?? 'we_none';
  switch (one.kind) {
    case 'change':
      return store.update(tenant, id, { events: one.events }, 0);
    case 'enable':
      return store.update(tenant, id, { enabled: one.enabled }, 0);
    case 'gone':
      return store.noteAttempt(tenant, id, 'gone', 0);
    case 'rotate':
      return store.rotateSecret(tenant, id, 1_000, 0);
    case 'delete':
      return store.delete(tenant, id);
    default:
      return one satisfies never;
  }
}
