import type { JobStatus } from '#contracts';
import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import type { BullQueues, QueuedJob } from '../bull-queues.js';
import type { RedisJobLifecycle } from '../job-lifecycle.js';
import { parseWatchMember, redisKeys } from '../redis-keys.js';
import { keptMs } from '../scripts/prelude/ending.lua.js';
import { plainScript, runScript } from '../scripts/redis-script.js';
import { storedValue } from '../stored-value.js';
import { ageQueues } from './ageing.js';
import { nextReviewMs, planReview, type ReviewStep, type WatchedJob } from './plan-review.js';

const REVIEW_INTERVAL_MS = 1_000;
/** Most jobs looked at in one turn; the rest wait for the next. */
const JOBS_PER_TURN = 200;

const LOOKED_AT = [
  'model',
  'variant',
  'status',
  'priority',
  'attempt',
  'startedAtMs',
  'startByMs',
  'timeoutMs',
  'finishedAtMs',
  'ttlMs',
] as const;

/**
 * Sets the next time to look at a job, unless a script has set one since this one came due.
 *
 * KEYS 1 watch set · ARGV 1 member · 2 now (ms) · 3 next time (ms)
 */
const lookAgainScript = plainScript(`
local dueMs = redis.call('ZSCORE', KEYS[1], ARGV[1])
if dueMs and tonumber(dueMs) <= tonumber(ARGV[2]) then redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1]) end
`);

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
    private readonly queues: BullQueues,
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
      if (ours !== 'OK') return;
      const nowMs = Date.now();
      await this.review(nowMs);
      await ageQueues(this.redis, this.lifecycle, nowMs);
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
    const { queued, job } = await this.#look(jobId);
    const step = planReview(job, nowMs);
    if (step === 'forget') return this.#forget(tenant, jobId, member);
    const outcome = await this.#take(step, queued, nowMs);
    if (outcome !== 'unchanged') this.logger.warn({ jobId, step, outcome }, 'Job review moved a job');
    await runScript(
      this.redis,
      lookAgainScript,
      [redisKeys.watch],
      [member, nowMs, nextReviewMs(job, nowMs)],
    );
  }

  async #take(step: Exclude<ReviewStep, 'forget'>, job: QueuedJob, nowMs: number): Promise<string> {
    switch (step) {
      case 'expire':
        return this.lifecycle.expire(job, nowMs);
      case 'requeue':
        return this.lifecycle.requeue(job, nowMs);
      case 'restore':
        return this.#restore(job, nowMs);
      case 'wait':
        return 'unchanged';
      default:
        return step satisfies never;
    }
  }

  /**
   * An open job that BullMQ does not have is given to it again. Nobody runs it: no worker holds its lock, and the start
   * script lets one attempt run, whatever BullMQ delivers.
   */
  async #restore(job: QueuedJob, nowMs: number): Promise<string> {
    const outcome = await this.lifecycle.requeue(job, nowMs);
    if (outcome === 'cancelled' || outcome === 'failed') return outcome;
    await this.queues.add(job);
    return 'restored';
  }

  async #forget(tenant: string, jobId: string, member: string): Promise<void> {
    await this.redis
      .multi()
      .zrem(redisKeys.tenantJobs(tenant), jobId)
      .zrem(redisKeys.deadLetters(tenant), jobId)
      .zrem(redisKeys.watch, member)
      .exec();
  }

  async #look(jobId: string): Promise<{ queued: QueuedJob; job: WatchedJob }> {
    const values = await this.redis.hmget(redisKeys.job(jobId), ...LOOKED_AT);
    const field = (name: (typeof LOOKED_AT)[number]) => values[LOOKED_AT.indexOf(name)] ?? null;
    const time = (name: (typeof LOOKED_AT)[number]) => (field(name) === null ? null : Number(field(name)));
    const ref = { jobId, model: field('model') ?? '', variant: field('variant') ?? '' };
    const [locked, known] = await Promise.all([
      this.redis.exists(redisKeys.bull.lock(ref, jobId)),
      this.redis.exists(redisKeys.bull.job(ref, jobId)),
    ]);
    const [startedAtMs, timeoutMs] = [time('startedAtMs'), time('timeoutMs')];
    const timesOutAtMs = startedAtMs === null || timeoutMs === null ? null : startedAtMs + timeoutMs;
    const job = {
      status: storedValue<JobStatus | null>(field('status')) ?? undefined,
      waitsUntilMs: startedAtMs === null ? time('startByMs') : timesOutAtMs,
      expiresAtMs: (time('finishedAtMs') ?? 0) + keptMs(time('ttlMs') ?? 0),
      held: locked === 1,
      inQueue: known === 1,
    };
    return {
      queued: { ...ref, priority: Number(field('priority')), attempt: Number(field('attempt')) },
      job,
    };
  }
}
