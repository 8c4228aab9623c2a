import { get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttemptLease, JobLifecycle } from '#queue';
import {
  requireNativeRedis,
  startTestRedis,
  succeededAttempt,
  testAppend,
  until,
  type TestRedis,
} from '#testing';
import { jobSchema } from '../../apps/api/src/openapi/response-schemas.js';
import { readEvents, textOf } from './read-events.js';
import { startScriptedWorker, type ScriptedWorker } from './scripted-worker.js';
import { startApi, type RunningApi } from './start-api.js';

const ENTRIES = 16_000;
const ENTRY_CHARACTERS = 4_096;
const MIB = 1024 * 1024;

let redis: TestRedis;
let api: RunningApi;
let worker: ScriptedWorker;
let observer: Redis;

beforeAll(async () => {
  redis = await startTestRedis();
  api = await startApi(redis.url);
  observer = new Redis(redis.url);
  worker = await startScriptedWorker(redis.url, { script: talk });
});

afterAll(async () => {
  await worker?.close();
  await api?.close();
  observer?.disconnect();
  await redis?.close();
});

const entryText = (i: number) => `${i}.`.padStart(ENTRY_CHARACTERS, '.');

async function talk(lifecycle: JobLifecycle, lease: AttemptLease): Promise<void> {
  await lifecycle.start(lease, Date.now());
  for (let from = 0; from < ENTRIES; from += 200) {
    await lifecycle.appendTokens(
      Array.from({ length: 200 }, (_, k) =>
        testAppend({
          lease,
          sequence: from + k + 1,
          text: entryText(from + k),
          tokenIds: [from + k],
        }),
      ),
    );
  }
  await lifecycle.finish(lease, succeededAttempt('told by its stream'));
}

/** Bytes that Redis has sent to all its clients. */
async function sentByRedis(): Promise<number> {
  return Number(/total_net_output_bytes:(\d+)/.exec(await observer.info('stats'))?.[1]);
}

async function openStreams(): Promise<number> {
  const { text } = await api.http.get('/metrics');
  return Number(/^drover_open_event_streams (\d+)$/m.exec(text)?.[1]);
}

function openStream(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(url, resolve).once('error', reject));
}

describe('a reader that takes nothing', () => {
  it(
    'costs a bounded buffer, is dropped, and resumes where it stood',
    { timeout: 120_000 },
    async (context) => {
      requireNativeRedis(context, redis);
      const submitted = await api.http
        .post('/v1/jobs')
        .send({ model: 'drover-tiny', input: { prompt: 'talk' } })
        .expect(202);
      const { id } = jobSchema.parse(submitted.body);
      await api.http.get(`/v1/jobs/${id}?wait=60`).expect(200);
      const url = `${api.url}/v1/jobs/${id}/events`;

      const before = await sentByRedis();
      const stuck = await openStream(url);
      // Whatever the API reads for it is read by now; the socket's buffers are a few megabytes on any system.
      await sleep(3_000);
      expect((await sentByRedis()) - before).toBeLessThan(20 * MIB);
      expect(ENTRIES * ENTRY_CHARACTERS).toBeGreaterThan(60 * MIB);
      expect(await openStreams()).toBe(1);

      await until(async () => (await openStreams()) === 0, 60_000);
      expect((await sentByRedis()) - before).toBeLessThan(20 * MIB);

      let text = '';
      let lastId = '';
      const parser = createParser({
        onEvent: ({ id: eventId = '', event, data }) => {
          lastId = eventId;
          if (event === 'token') text += JSON.parse(data).text;
        },
      });
      // What lay in the socket's buffers still comes, up to the cut.
      stuck.setEncoding('utf8').on('data', (chunk: string) => parser.feed(chunk));
      await new Promise((resolve) => stuck.once('close', resolve));
      expect(text.length).toBeLessThan(ENTRIES * ENTRY_CHARACTERS);
      const resumed = await readEvents(url, lastId === '' ? {} : { headers: { 'last-event-id': lastId } });
      expect(resumed.events.at(-1)?.event).toBe('done');
      const expected = Array.from({ length: ENTRIES }, (_, i) => entryText(i)).join('');
      expect(text + textOf(resumed.events) === expected).toBe(true);
    },
  );
});
