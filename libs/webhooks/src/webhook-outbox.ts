import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from '#observability';
import { redisKeys } from '#queue';

export interface OutboxOptions {
  /** For single commands; several owners may share it. */
  readonly redis: Redis;
  /** For blocking reads; this relay's own, and closed by it. */
  readonly blocking: Redis;
  /** Hands the event of one entry to the delivery queue. Doing it twice must be the same as doing it once. */
  readonly enqueue: (entry: string) => Promise<void>;
  readonly logger: Logger;
  readonly sweepEveryMs?: number;
}

const BLOCK_SECONDS = 2;
const SWEEP_EVERY_MS = 10_000;
const SWEEP_AT_MOST = 1_000;
const PAUSE_AFTER_FAILURE_MS = 500;
/** With Redis away an `enqueue` may never return; its entry is in hand, so nothing is lost by not waiting. */
const CLOSE_WITHIN_MS = 3_000;

/**
 * Carries entries from the transactional outbox, which the script that ends a job fills, to the delivery queue.
 *
 * An entry moves to the in-hand list before it is enqueued and leaves it after, so a relay that dies in between
 * loses nothing: every relay enqueues what lies in hand when it starts and every now and then. Two relays may
 * thereby enqueue the same one; the delivery queue takes it once.
 */
export class WebhookOutbox {
  readonly #options: OutboxOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    // Ends a blocking read at once; an entry that Redis moved in this moment is in hand and found by the next sweep.
    this.#options.blocking.disconnect();
    const giveUp = sleep(CLOSE_WITHIN_MS, undefined, { ref: false });
    await Promise.race([this.#running, giveUp]);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let sweepDueAtMs = 0;
    while (!signal.aborted) {
      try {
        if (Date.now() >= sweepDueAtMs) {
          await this.#sweep();
          sweepDueAtMs = Date.now() + (this.#options.sweepEveryMs ?? SWEEP_EVERY_MS);
        }
        const entry = await this.#take();
        if (entry !== null) await this.#relay(entry);
      } catch (cause) {
        if (signal.aborted) return;
        this.#options.logger.warn({ err: cause }, 'webhook outbox unreadable, trying again shortly');
        await sleep(PAUSE_AFTER_FAILURE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #take(): Promise<string | null> {
    const { webhookOutbox, webhookOutboxInHand } = redisKeys;
    return this.#options.blocking.blmove(webhookOutbox, webhookOutboxInHand, 'RIGHT', 'LEFT', BLOCK_SECONDS);
  }

  /** An entry that cannot be enqueued now stays in hand for the next sweep and holds up no other. */
  async #relay(entry: string): Promise<void> {
    try {
      await this.#options.enqueue(entry);
      await this.#options.redis.lrem(redisKeys.webhookOutboxInHand, 1, entry);
    } catch (cause) {
      this.#options.logger.error({ entry, err: cause }, 'webhook not enqueued yet');
    }
  }

  async #sweep(): Promise<void> {
    const left = await this.#options.redis.lrange(redisKeys.webhookOutboxInHand, -SWEEP_AT_MOST, -1);
    for (const entry of left) await this.#relay(entry);
  }
}
