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
): AsyncGenerator<readonly StoredJobEvent[], void, undefined> {
  const stream = redisKeys.events(jobId);
  const wakeUp = new WakeUp();
  let lastId = afterId ?? '0-0';
  const read = () => orUnavailable(() => redis.xrange(stream, `(${lastId}`, '+', 'COUNT', BATCH));
  const present = read();
  // Where listening fails, that is the error to tell.
  present.catch(() => {});
  const stopListening = await orUnavailable(() => subscriber.listen(stream, wakeUp.ring));
  try {
    let entries = await present;
    // For what was written between this read and the subscription, no bell has rung. From here on each read follows its bell.
    wakeUp.ring();
    let ended = false;
    while (!signal.aborted) {
      const events = toStoredEvents(entries);
      const last = events.at(-1);
      if (last !== undefined) {
        yield events;
        if (last.type === 'done') return;
        lastId = last.id;
      } else if (ended) {
        return;
      } else {
        // The end may have come after the read: what it brought is read once more.
        ended = await hasEnded(redis, stream);
      }
      if (!ended && entries.length < BATCH) await wakeUp.wait(REREAD_MS, signal);
      entries = await read();
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
