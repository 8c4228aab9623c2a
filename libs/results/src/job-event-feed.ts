import type { Logger } from '#observability';
import {
  connectRedis,
  createRedisSubscriber,
  isDoneEventId,
  orUnavailable,
  redisKeys,
  whenReady,
} from '#queue';
import type { RedisSubscriber } from '#queue';
import type { Redis } from 'ioredis';
import { mayResumeAfter } from './resume-point.js';
import type { JobEventFeed, StoredJobEvent } from './results.types.js';
import { toStoredEvents } from './stored-events.js';
import { WakeUp } from './wake-up.js';

/** A wake-up may be lost while the subscriber reconnects, so a quiet stream is read again this often. */
const REREAD_MS = 1_000;
/** Entries read at once; bounds what one slow reader holds in memory. */
const BATCH = 500;
const CONNECT_TIMEOUT_MS = 2_000;

export interface ResultsOptions {
  readonly redisUrl: string;
  /** Shared with other readers of the process; without it the reader opens, and closes, its own. */
  readonly subscriber?: RedisSubscriber;
  readonly logger?: Logger;
}

export async function createJobEventFeed(options: ResultsOptions): Promise<JobEventFeed> {
  const redis = connectRedis(options.redisUrl, 'api', options.logger);
  const subscriber = options.subscriber ?? createRedisSubscriber(options.redisUrl);
  await whenReady(redis, CONNECT_TIMEOUT_MS);
  return {
    events: (jobId, afterId, signal) => readEvents(redis, subscriber, jobId, afterId, signal),
    mayResumeAfter: (jobId, eventId) => mayResumeAfter(redis, redisKeys.events(jobId), eventId),
    async close() {
      if (options.subscriber === undefined) subscriber.close();
      redis.disconnect();
      await Promise.resolve();
    },
  };
}

async function* readEvents(
  redis: Redis,
  subscriber: RedisSubscriber,
  jobId: string,
  afterId: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StoredJobEvent, void, undefined> {
  const stream = redisKeys.events(jobId);
  const wakeUp = new WakeUp();
  // Listen before reading: what is written after the read rings the bell, what was written before it is read.
  const stopListening = await orUnavailable(() => subscriber.listen(stream, wakeUp.ring));
  try {
    let lastId = afterId ?? '0-0';
    let ended = false;
    while (!signal.aborted) {
      const entries = await orUnavailable(() => redis.xrange(stream, `(${lastId}`, '+', 'COUNT', BATCH));
      for (const event of toStoredEvents(entries)) {
        yield event;
        if (event.type === 'done') return;
        lastId = event.id;
      }
      if (entries.length > 0) continue;
      if (ended) return;
      // The end may have come after the read: what it brought is read once more.
      ended = await hasEnded(redis, stream);
      if (!ended) await wakeUp.wait(REREAD_MS, signal);
    }
  } finally {
    stopListening();
  }
}

/** For a reader that has all there is: nothing more will come. */
async function hasEnded(redis: Redis, stream: string): Promise<boolean> {
  const [last] = await orUnavailable(() => redis.xrevrange(stream, '+', '-', 'COUNT', 1));
  return last === undefined || isDoneEventId(last[0]);
}
