import { Redis, ReplyError } from 'ioredis';
import { DroverError } from '#contracts';
import type { Logger } from '#observability';
import { errorCodeOf } from './error-code.js';

const API_TIMEOUT_MS = 2_000;
const RETRY_AFTER_S = 5;
/** Replies of a Redis that is there but cannot serve: starting, read-only, out of memory or disk. */
const UNABLE = /^(LOADING|READONLY|MISCONF|OOM|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|TRYAGAIN|BUSY)\b/;

/**
 * `api`: a command fails at once while Redis is away, so that requests are answered and not piled up.
 * `worker`: commands wait for Redis to come back; what BullMQ's blocking reads need.
 * `subscriber`: subscriptions wait too, but their caller does not.
 */
export type RedisConnectionKind = keyof typeof OPTIONS_OF_KIND;

const OPTIONS_OF_KIND = {
  api: { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: API_TIMEOUT_MS },
  worker: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null, commandTimeout: API_TIMEOUT_MS },
} as const;

/** Connects in the background and keeps reconnecting; an outage is logged at its start and at its end. */
export function connectRedis(url: string, kind: RedisConnectionKind, logger?: Logger): Redis {
  const redis = new Redis(url, {
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 6), 2_000),
    connectTimeout: API_TIMEOUT_MS,
    ...OPTIONS_OF_KIND[kind],
  });
  logOutages(redis, logger);
  return redis;
}

/** Rejects with `queue_unavailable` unless Redis answers. */
export async function pingRedis(redis: Redis): Promise<void> {
  await orUnavailable(() => redis.ping());
}

/** Waits until a fresh connection can be used; returns whether it can. */
export async function whenReady(redis: Redis, timeoutMs: number): Promise<boolean> {
  if (redis.status === 'ready') return true;
  return new Promise((resolve) => {
    const settle = (ready: boolean) => {
      clearTimeout(timer);
      redis.off('ready', onReady);
      resolve(ready);
    };
    const onReady = () => settle(true);
    const timer = setTimeout(() => settle(false), timeoutMs);
    redis.once('ready', onReady);
  });
}

/** Turns the many ways in which Redis can be away into the one error of it; other errors pass. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!meansUnavailable(error)) throw error;
    throw new DroverError('queue_unavailable', 'The queue (Redis) cannot be reached; try again shortly.', {
      retryAfterS: RETRY_AFTER_S,
      cause: error,
    });
  }
}

function meansUnavailable(error: unknown): boolean {
  if (error instanceof DroverError) return false;
  if (!(error instanceof Error)) return false;
  return error instanceof ReplyError ? UNABLE.test(error.message) : isConnectionError(error);
}

const CONNECTION_FAULT =
  /Connection is closed|Stream isn't writeable|Command timed out|max retries per request|ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|Socket closed/i;

/** True for a failure of the connection itself, which ioredis reports in words only. */
export function isConnectionError(error: Error): boolean {
  return (
    error.name === 'MaxRetriesPerRequestError' ||
    CONNECTION_FAULT.test(`${error.message} ${errorCodeOf(error) ?? ''}`)
  );
}

function logOutages(redis: Redis, logger: Logger | undefined): void {
  let away = false;
  redis.on('error', (error: Error) => {
    if (away) return;
    away = true;
    logger?.warn({ err: error }, 'Redis is away; reconnecting');
  });
  redis.on('ready', () => {
    if (away) logger?.info('Redis is back');
    away = false;
  });
}
