import type { Redis } from 'ioredis';
import { z } from 'zod';
import { WEBHOOK_EVENT_TYPES } from '#contracts';
import { redisKeys } from '#queue';

const deliveryLogEntrySchema = z.object({
  webhookId: z.string(),
  event: z.enum(WEBHOOK_EVENT_TYPES),
  /** 1 = first. */
  attempt: z.int(),
  at: z.iso.datetime(),
  durationMs: z.number(),
  /** Null where no answer came. */
  statusCode: z.int().nullable(),
  outcome: z.enum(['delivered', 'retry', 'gave_up', 'refused']),
  /** Why it did not arrive, in our words; an answer's body is never kept. */
  reason: z.string().nullable(),
});

/** One attempt to deliver a webhook. */
export type DeliveryLogEntry = Readonly<z.infer<typeof deliveryLogEntrySchema>>;

/** Newest entries kept of one job; more than the standard schedule makes. */
export const MAX_LOG_ENTRIES = 32;
/** Days that cover the standard schedule's three, and then some to look at what went wrong. */
const LOG_TTL_MS = 7 * 24 * 3_600_000;

/** What happened to a job's webhook: a bounded Redis list that expires. */
export class DeliveryLog {
  constructor(private readonly redis: Redis) {}

  async append(jobId: string, entry: DeliveryLogEntry): Promise<void> {
    const key = redisKeys.webhookDeliveries(jobId);
    await this.redis
      .multi()
      .rpush(key, JSON.stringify(entry))
      .ltrim(key, -MAX_LOG_ENTRIES, -1)
      .pexpire(key, LOG_TTL_MS)
      .exec();
  }

  /** Oldest first; empty where nothing was tried yet or the log has expired. */
  async read(jobId: string): Promise<readonly DeliveryLogEntry[]> {
    const lines = await this.redis.lrange(redisKeys.webhookDeliveries(jobId), 0, -1);
    return lines.map((line) => deliveryLogEntrySchema.parse(JSON.parse(line)));
  }
}
