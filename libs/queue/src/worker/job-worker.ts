import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerHeartbeat } from '#contracts';
import type { Logger } from '#observability';
import { WaitingError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { RedisJobLifecycle } from '../job-lifecycle.js';
import { CONSUMER_OPTIONS } from '../queue-options.js';
import type { AttemptHandler, AttemptLease, JobLifecycle, JobWorker } from '../queue.types.js';
import { connectRedis, isConnectionError } from '../redis-connection.js';
import { queueNameOf, redisKeys } from '../redis-keys.js';
import { createRedisSubscriber, type RedisSubscriber } from '../redis-subscriber.js';
import { publishHeartbeat, withdrawHeartbeat } from '../worker-registry.js';
import { ActiveAttempts } from './active-attempts.js';
import { AttemptAborted, type AbortKind } from './attempt-aborted.js';
import { CancellationWatch } from './cancellation-watch.js';
import { endOfThrown } from './end-of-thrown.js';

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
  /** Told of every write that Redis refused because the attempt had lost its job. */
  readonly onLateWrite?: (kind: 'append' | 'finish') => void;
}

/** Connects; takes no job before `start`. */
export async function createJobWorker(options: JobWorkerOptions): Promise<JobWorker> {
  const redis = connectRedis(options.redisUrl, 'worker', options.logger);
  const subscriber = createRedisSubscriber(options.redisUrl);
  return Promise.resolve(new BullJobWorker(redis, subscriber, options));
}

class BullJobWorker implements JobWorker {
  readonly lifecycle: JobLifecycle;
  readonly #lifecycle: RedisJobLifecycle;
  readonly #attempts = new ActiveAttempts();
  readonly #cancellations: CancellationWatch;
  readonly #worker: Worker;
  #draining = false;
  #handedBack: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly subscriber: RedisSubscriber,
    private readonly options: JobWorkerOptions,
  ) {
    this.#lifecycle = new RedisJobLifecycle(redis, options.onLateWrite);
    this.lifecycle = this.#lifecycle;
    this.#cancellations = new CancellationWatch(redis, subscriber, this.#attempts, options.logger);
    this.#worker = new Worker(queueNameOf(options), (job, token) => this.#process(job, token ?? ''), {
      ...CONSUMER_OPTIONS,
      connection: redis,
      concurrency: options.concurrency,
    });
    this.#worker.on('error', (error) => this.#logError(error));
    this.#worker.on('stalled', (jobId) => void this.#requeue(jobId));
    this.#worker.on('lockRenewalFailed', (jobIds) => {
      for (const jobId of jobIds) this.#attempts.abort(jobId, 'lost');
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
    this.subscriber.close();
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
    for (const { jobId } of this.#attempts.leases()) this.#attempts.abort(jobId, 'shutdown');
    await this.#attempts.idle(ABORT_GRACE_MS + HAND_BACK_MS);
  }

  async #process(job: Job, lockToken: string): Promise<void> {
    const { model, variant } = this.options;
    const lease = { jobId: job.id ?? '', model, variant, attempt: job.attemptsStarted, lockToken };
    // BullMQ may still take a job in the moment it is paused.
    if (this.#draining) return this.#handBack(job, lease);
    await this.#attempts.run(lease, async (signal) => {
      await Promise.race([this.#handle(lease, signal), shutdownGraceOver(signal)]);
      const kind = abortKindOf(signal);
      if (kind === 'shutdown') await this.#handBack(job, lease);
      // BullMQ takes this error for "moved already" and leaves the job, which is another's, alone.
      if (kind === 'lost') throw new WaitingError();
    });
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

  async #handBack(job: Job, lease: AttemptLease): Promise<void> {
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
