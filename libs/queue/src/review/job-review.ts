import type { JobStatus } from '#contracts';
import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import type { JobRef, RedisJobLifecycle } from '../job-lifecycle.js';
import { parseWatchMember, redisKeys } from '../redis-keys.js';
import { storedValue } from '../stored-value.js';
import { nextReviewMs, planReview, type ReviewStep, type WatchedJob } from './plan-review.js';

const REVIEW_INTERVAL_MS = 1_000;
/** Most jobs looked at in one turn; the rest wait for the next. */
const JOBS_PER_TURN = 200;

const LOOKED_AT = [
  'model',
  'variant',
  'status',
  'startedAtMs',
  'startByMs',
  'finishedAtMs',
  'ttlMs',
] as const;

/**
 * The safety net under the workers: looks at every job from time to time and moves those that nobody else will,
 * because the process that should have is gone. One API process at a time takes the turn.
 */
export class JobReview {
  readonly #timer: NodeJS.Timeout;
  #turn: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly lifecycle: RedisJobLifecycle,
    private readonly logger: Logger,
  ) {
    this.#timer = setInterval(() => {
      this.#turn ??= this.#takeTurn().finally(() => (this.#turn = undefined));
    }, REVIEW_INTERVAL_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#turn;
  }

  async #takeTurn(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    try {
      const ours = await this.redis.set(
        redisKeys.reviewTurn,
        process.pid,
        'PX',
        REVIEW_INTERVAL_MS / 2,
        'NX',
      );
      if (ours === 'OK') await this.review(Date.now());
    } catch (error) {
      this.logger.warn({ err: error }, 'Job review failed; it runs again shortly');
    }
  }

  /** Looks at the jobs that are due, the longest overdue first. */
  async review(nowMs: number): Promise<void> {
    const due = await this.redis.zrangebyscore(redisKeys.watch, 0, nowMs, 'LIMIT', 0, JOBS_PER_TURN);
    for (const member of due) await this.#reviewOne(member, nowMs);
  }

  async #reviewOne(member: string, nowMs: number): Promise<void> {
    const { tenant, jobId } = parseWatchMember(member);
    const { ref, job } = await this.#look(jobId);
    const step = planReview(job, nowMs);
    if (step === 'forget') {
      await this.redis.multi().zrem(redisKeys.tenantJobs(tenant), jobId).zrem(redisKeys.watch, member).exec();
      return;
    }
    const outcome = await this.#take(step, ref, nowMs);
    if (outcome !== 'unchanged') this.logger.warn({ jobId, step, outcome }, 'Job review moved a job');
    await this.redis.zadd(redisKeys.watch, 'XX', nextReviewMs(job, nowMs), member);
  }

  async #take(step: Exclude<ReviewStep, 'forget'>, ref: JobRef, nowMs: number): Promise<string> {
    switch (step) {
      case 'expire':
        return this.lifecycle.expire(ref, nowMs);
      case 'requeue':
        return this.lifecycle.requeue(ref, nowMs);
      case 'fail-lost':
        return this.lifecycle.failLost(ref, nowMs);
      case 'wait':
        return 'unchanged';
      default:
        return step satisfies never;
    }
  }

  async #look(jobId: string): Promise<{ ref: JobRef; job: WatchedJob }> {
    const fields = await this.redis.hmget(redisKeys.job(jobId), ...LOOKED_AT);
    const [model, variant, status, startedAtMs, startByMs, finishedAtMs, ttlMs] = fields;
    const ref = { jobId, model: model ?? '', variant: variant ?? '' };
    const bullJob = redisKeys.bull.job(ref, jobId);
    const [locked, known, finishedOn] = await Promise.all([
      this.redis.exists(redisKeys.bull.lock(ref, jobId)),
      this.redis.exists(bullJob),
      this.redis.hget(bullJob, 'finishedOn'),
    ]);
    const job = {
      status: status == null ? undefined : storedValue<JobStatus>(status),
      started: startedAtMs != null,
      startByMs: startByMs == null ? null : Number(startByMs),
      expiresAtMs: Number(finishedAtMs ?? 0) + Number(ttlMs ?? 0),
      held: locked === 1,
      inQueue: known === 1 && finishedOn === null,
    };
    return { ref, job };
  }
}
