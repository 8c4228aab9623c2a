import type { Redis } from 'ioredis';
import { redisKeys, storedValue } from '#queue';
import type { DeliveredEventType } from './webhook-delivery.js';

/** `retry`: another attempt follows. `refused`: nothing was sent, and nothing will be. */
export const DELIVERY_OUTCOMES = ['delivered', 'retry', 'gave_up', 'refused'] as const;
export type LoggedOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** One attempt to deliver a webhook. */
export interface DeliveryAttempt {
  readonly deliveryId: string;
  readonly webhookId: string;
  readonly event: DeliveredEventType;
  readonly jobId: string | null;
  /** Null where the destination is the job's own webhook. */
  readonly endpointId: string | null;
  /** Host and port of the URL; null where the endpoint is gone. */
  readonly host: string | null;
  /** 1 = first. */
  readonly attempt: number;
  /** ISO 8601. */
  readonly at: string;
  readonly durationMs: number;
  /** Null where no answer came. */
  readonly statusCode: number | null;
  readonly outcome: LoggedOutcome;
  /** Why it did not arrive, in our words; an answer's body is never kept. */
  readonly reason: string | null;
  readonly nextAttemptAt: string | null;
}

/** `id` orders the entries of a log by time and is where the next page starts. */
export interface DeliveryLogEntry extends DeliveryAttempt {
  readonly id: string;
}

export interface DeliveryLogQuery {
  readonly limit: number;
  /** The last id of the page before. */
  readonly after?: string | undefined;
  readonly outcome?: LoggedOutcome | undefined;
}

export interface DeliveryLogPage {
  /** Newest first. */
  readonly entries: readonly DeliveryLogEntry[];
  readonly hasMore: boolean;
}

/** Newest entries kept of one job, and of one endpoint. */
export const MAX_JOB_LOG_ENTRIES = 64;
const MAX_ENDPOINT_LOG_ENTRIES = 2_000;
/** Days that cover the standard schedule's three, and then some to look at what went wrong. */
const LOG_TTL_MS = 7 * 24 * 3_600_000;
const ENTRY_ID = /^\d{1,15}-\d{1,15}$/;

/** What happened to the webhooks of each job and each endpoint: bounded Redis streams that expire. */
export class DeliveryLog {
  constructor(private readonly redis: Redis) {}

  /** Writes to the job's log and to the endpoint's, where there are such; answers with the entry. */
  async append(attempt: DeliveryAttempt): Promise<DeliveryLogEntry> {
    const text = JSON.stringify(attempt);
    const multi = this.redis.multi();
    for (const [owner, most] of ownersOf(attempt)) {
      const key = redisKeys.deliveryLog(owner);
      multi.xadd(key, 'MAXLEN', most, '*', 'attempt', text).pexpire(key, LOG_TTL_MS);
    }
    const replies = await multi.exec();
    const [, id] = replies?.at(-2) ?? [];
    return { id: storedValue<string>(id), ...attempt };
  }

  /** @param owner id of a job or of an endpoint */
  async read(owner: string, { limit, after, outcome }: DeliveryLogQuery): Promise<DeliveryLogPage> {
    if (after !== undefined && !ENTRY_ID.test(after)) return { entries: [], hasMore: false };
    const key = redisKeys.deliveryLog(owner);
    const found = await this.redis.xrevrange(key, after === undefined ? '+' : `(${after}`, '-');
    const entries = found.map(toEntry).filter((entry) => outcome === undefined || entry.outcome === outcome);
    return { entries: entries.slice(0, limit), hasMore: entries.length > limit };
  }

  /** Everything since a time, oldest first. */
  async since(owner: string, sinceMs: number): Promise<readonly DeliveryLogEntry[]> {
    return (await this.redis.xrange(redisKeys.deliveryLog(owner), Math.max(sinceMs, 0), '+')).map(toEntry);
  }
}

function ownersOf({ jobId, endpointId }: DeliveryAttempt): [owner: string, most: number][] {
  const owners: [string, number][] = [];
  if (jobId !== null) owners.push([jobId, MAX_JOB_LOG_ENTRIES]);
  if (endpointId !== null) owners.push([endpointId, MAX_ENDPOINT_LOG_ENTRIES]);
  return owners;
}

function toEntry([id, [, text = '{}']]: [id: string, fields: string[]]): DeliveryLogEntry {
  return { id, ...storedValue<DeliveryAttempt>(JSON.parse(text)) };
}
