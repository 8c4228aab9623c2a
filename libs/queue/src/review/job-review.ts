import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import type { BullQueues, QueuedJob } from '../bull-queues.js';
import type { RedisJobLifecycle } from '../job-lifecycle.js';
import { parseWatchMember, redisKeys } from '../redis-keys.js';
import { plainScript, runScript } from '../scripts/redis-script.js';
import { ageQueues } from './ageing.js';
import { lookAtJobs } from './look-at-jobs.js';
import { nextReviewMs, planReview, type ReviewStep } from './plan-review.js';

const REVIEW_INTERVAL_MS = 1_000;
/** Jobs looked at together: requests wait while their replies are read, some 50 us for each. */
const BATCH = 100;
/** A turn ends after this; what is due still waits for the next. */
const TURN_MS = 400;

/**
 * Sets the next times to look at jobs, but for those to which a script has given one since they came due.
 *
 * KEYS 1 watch set · ARGV 1 now (ms) · 2… member and next time (ms) of each
 */
const lookAgainScript = plainScript(`
for i = 2, #ARGV, 2 do
  local dueMs = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if dueMs and tonumber(dueMs) <= tonumber(ARGV[1]) then redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
end
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

  /** Looks at the jobs that are due, the longest overdue first, until the time for it is over. */
  async review(nowMs: number, turnMs = TURN_MS): Promise<void> {
    const endsAtMs = performance.now() + turnMs;
    let due: string[];
    do {
      due = await this.redis.zrangebyscore(redisKeys.watch, 0, nowMs, 'LIMIT', 0, BATCH);
      await this.#reviewBatch(due, nowMs);
    } while (due.length === BATCH && performance.now() < endsAtMs);
  }

  async #reviewBatch(members: readonly string[], nowMs: number): Promise<void> {
    const looked = await lookAtJobs(
      this.redis,
      members.map((member) => parseWatchMember(member).jobId),
    );
    const lookAgain: (string | number)[] = [];
    for (const [i, { queued, job }] of looked.entries()) {
      const member = members[i] ?? '';
      const step = planReview(job, nowMs);
      if (step !== 'wait') await this.#move(step, queued, member, nowMs);
      if (step !== 'forget') lookAgain.push(member, nextReviewMs(job, nowMs));
    }
    if (lookAgain.length > 0) {
      await runScript(this.redis, lookAgainScript, [redisKeys.watch], [nowMs, ...lookAgain]);
    }
  }

  async #move(
    step: Exclude<ReviewStep, 'wait'>,
    job: QueuedJob,
    member: string,
    nowMs: number,
  ): Promise<void> {
    if (step === 'forget') return this.#forget(member);
    const outcome = await this.#take(step, job, nowMs);
    if (outcome === 'unchanged') return;
    this.logger.warn({ jobId: job.jobId, step, outcome }, 'Job review moved a job');
  }

  async #take(step: Exclude<ReviewStep, 'forget' | 'wait'>, job: QueuedJob, nowMs: number): Promise<string> {
    switch (step) {
      case 'expire':
        return this.lifecycle.expire(job, nowMs);
      case 'requeue':
        return this.lifecycle.requeue(job, nowMs);
      case 'restore':
        return this.#restore(job, nowMs);
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

  async #forget(member: string): Promise<void> {
    const { tenant, jobId } = parseWatchMember(member);
    await this.redis
      .multi()
      .zrem(redisKeys.tenantJobs(tenant), jobId)
      .zrem(redisKeys.deadLetters(tenant), jobId)
      .zrem(redisKeys.watch, member)
      .exec();
  }
}
