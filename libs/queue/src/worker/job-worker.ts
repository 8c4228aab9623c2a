import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerHeartbeat } from '#contracts';
import type { Logger } from '#observability';
import { DelayedError, WaitingError, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { RedisJobLifecycle } from '../job-lifecycle.js';
import { CONSUMER_OPTIONS, type BullJobData } from '../queue-options.js';
import type { AttemptHandler, AttemptLease, JobLifecycle, JobWorker } from '../queue.types.js';
import { connectRedis, isConnectionError } from '../redis-connection.js';
import { queueNameOf, redisKeys } from '../redis-keys.js';
import { createRedisSubscriber, type RedisSubscriber } from '../redis-subscriber.js';
import { publishHeartbeat, withdrawHeartbeat } from '../worker-registry.js';
import { ActiveAttempts, type ActiveAttempt } from './active-attempts.js';
import { AttemptAborted, type AbortKind } from './attempt-aborted.js';
import { CancellationWatch } from './cancellation-watch.js';
import { DrainingWorker } from './draining-worker.js';
import { endOfThrown } from './end-of-thrown.js';
import { planRetryDelay } from './plan-retry-delay.js';

/** How long a handler may take to return after its signal said `shutdown`. */
const ABORT_GRACE_MS = 2_000;
const HAND_BACK_MS = 1_000;
const CLOSE_MS = 2_000;

export interface JobWorkerOptions {
  readonly redisUrl: string;
  readonly model: string;
  readonly variant: string;
  /** Attempts at once: the worker's slots. */
  readonly concurrency: number;
  readonly handler: AttemptHandler;
  readonly logger: Logger;
  /** Hears of cancellations; without it the worker opens its own. */
  readonly subscriber?: RedisSubscriber;
  /** Told of every write that Redis refused because the attempt had lost its job. */
  readonly onLateWrite?: (kind: 'append' | 'finish') => void;
}

/** Connects; takes no job before `start`. */
export async function createJobWorker(options: JobWorkerOptions): Promise<JobWorker> {
  const redis = connectRedis(options.redisUrl, 'worker', options.logger);
  const subscriber = options.subscriber ?? createRedisSubscriber(options.redisUrl);
  return Promise.resolve(new BullJobWorker(redis, subscriber, options));
}

class BullJobWorker implements JobWorker {
  readonly lifecycle: JobLifecycle;
  readonly #lifecycle: RedisJobLifecycle;
  readonly #attempts = new ActiveAttempts();
  readonly #cancellations: CancellationWatch;
  readonly #worker: DrainingWorker;
  #draining = false;
  #handedBack: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly subscriber: RedisSubscriber,
    private readonly options: JobWorkerOptions,
  ) {
    this.#lifecycle = new RedisJobLifecycle(redis, {
      lateWrite: (kind) => options.onLateWrite?.(kind),
      stop: (lease, kind) => this.#attempts.abort(lease, kind),
      retryLater: (lease, tries) => this.#attempts.retryAfter(lease, planRetryDelay(tries, Math.random())),
    });
    this.lifecycle = this.#lifecycle;
    this.#cancellations = new CancellationWatch(redis, subscriber, this.#attempts, options.logger);
    this.#worker = new DrainingWorker(queueNameOf(options), (job, token) => this.#process(job, token ?? ''), {
      ...CONSUMER_OPTIONS,
      connection: redis,
      concurrency: options.concurrency,
    });
    this.#worker.on('error', (error) => this.#logError(error));
    this.#worker.on('stalled', (jobId) => void this.#requeue(jobId));
    this.#worker.on('lockRenewalFailed', (jobIds) => {
      for (const jobId of jobIds) this.#attempts.abortJob(jobId, 'lost');
    });
  }

  get activeCount(): number {
    return this.#attempts.size;
  }

  async start(): Promise<void> {
    await this.redis.sadd(redisKeys.queues, `${this.options.model} ${this.options.variant}`);
    await this.#cancellations.start();
    void this.#worker.run().catch((error: Error) => this.#logError(error));
  }

  publishHeartbeat(heartbeat: WorkerHeartbeat): Promise<boolean> {
    return publishHeartbeat(this.redis, heartbeat);
  }

  withdrawHeartbeat(workerId: string): Promise<void> {
    return withdrawHeartbeat(this.redis, workerId);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    await this.#worker.pause(true);
    const redisAway = !this.#redisReady;
    if (!(await this.#attempts.idle(redisAway ? 0 : timeoutMs))) {
      const reason = redisAway ? 'Redis is away' : 'Drain timed out';
      this.options.logger.warn({ active: this.activeCount }, `${reason}; handing jobs back`);
    }
    await this.#handBackAll();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#draining = true;
    await this.#worker.pause(true);
    await this.#handBackAll();
    this.#cancellations.close();
    // In order, so that BullMQ notes what has just finished. With Redis away that never ends, nor does a forced close
    // after it: only one that is forced from the start does.
    const closing = this.#worker.close(!this.#redisReady);
    await Promise.race([closing, sleep(CLOSE_MS, undefined, { ref: false })]);
    if (this.options.subscriber === undefined) this.subscriber.close();
    this.redis.disconnect();
  }

  get #redisReady(): boolean {
    return this.redis.status === 'ready';
  }

  #handBackAll(): Promise<void> {
    this.#handedBack ??= this.#abortAll();
    return this.#handedBack;
  }

  async #abortAll(): Promise<void> {
    for (const lease of this.#attempts.leases()) this.#attempts.abort(lease, 'shutdown');
    await this.#attempts.idle(ABORT_GRACE_MS + HAND_BACK_MS);
  }

  async #process(job: Job<BullJobData>, lockToken: string): Promise<void> {
    const { model, variant } = this.options;
    const attempt = job.data.attemptsBefore + job.attemptsStarted;
    const lease = { jobId: job.id ?? '', model, variant, attempt, lockToken };
    // Taken just before the worker was paused.
    if (this.#draining) return this.#handBack(job, lease);
    await this.#attempts.run(lease, async (active) => {
      const { signal } = active.abort;
      await Promise.race([this.#handle(lease, signal), shutdownGraceOver(signal)]);
      await this.#settle(job, active);
    });
  }

  /** Tells BullMQ what became of its job where it is not done: by these errors it leaves the job alone. */
  async #settle(job: Job<BullJobData>, { lease, abort, retryDelayMs }: ActiveAttempt): Promise<void> {
    const kind = abortKindOf(abort.signal);
    if (kind === 'shutdown') return this.#handBack(job, lease);
    if (kind === 'lost') throw new WaitingError();
    if (retryDelayMs === undefined) return;
    await job.moveToDelayed(Date.now() + retryDelayMs, lease.lockToken);
    throw new DelayedError();
  }

  async #handle(lease: AttemptLease, signal: AbortSignal): Promise<void> {
    try {
      await this.options.handler(lease, signal);
    } catch (error) {
      const kind = abortKindOf(signal);
      if (kind === 'lost' || kind === 'shutdown') return;
      if (kind === undefined) {
        this.options.logger.error(
          { err: error, jobId: lease.jobId, attempt: lease.attempt },
          'Attempt failed',
        );
      }
      await this.#lifecycle.finish(lease, endOfThrown(kind, Date.now()));
    }
  }

  async #handBack(job: Job<BullJobData>, lease: AttemptLease): Promise<void> {
    const outcome = await this.#lifecycle.handBack(lease, Date.now());
    if (outcome === 'finished' || outcome === 'cancelled') return;
    if (outcome === 'queued') await job.moveToWait(lease.lockToken);
    this.options.logger.info({ jobId: lease.jobId, attempt: lease.attempt, outcome }, 'Job handed back');
    throw new WaitingError();
  }

  /** The record follows what BullMQ has done. Should this process die first, the next start makes up for it. */
  async #requeue(jobId: string): Promise<void> {
    const { model, variant, logger } = this.options;
    try {
      const outcome = await this.#lifecycle.requeue({ jobId, model, variant }, Date.now());
      logger.warn({ jobId, outcome }, 'Job lost its worker');
    } catch (error) {
      logger.warn({ err: error, jobId }, 'Job lost its worker; its record follows at the next start');
    }
  }

  #logError(error: Error): void {
    // Outages are logged once, by the connection.
    if (isConnectionError(error)) this.options.logger.debug({ err: error }, 'BullMQ waits for Redis');
    else this.options.logger.error({ err: error }, 'BullMQ worker error');
  }
}

function abortKindOf(signal: AbortSignal): AbortKind | undefined {
  return signal.reason instanceof AttemptAborted ? signal.reason.kind : undefined;
}

/** Resolves when a handler has had its time to return after `shutdown`; never otherwise. */
function shutdownGraceOver(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      if (abortKindOf(signal) === 'shutdown') setTimeout(resolve, ABORT_GRACE_MS).unref();
    });
  });
}
