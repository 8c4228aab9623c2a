import type { JobRecord, ModelRef } from '#contracts';
import type { ChainableCommander, Redis } from 'ioredis';
import {
  decodeFlatRecord,
  encodeFinishedAttempt,
  encodeJobRecord,
  newJobRecord,
} from './job-record-codec.js';
import type {
  AttemptLease,
  CancelOutcome,
  FencedOutcome,
  FinishedAttempt,
  JobLifecycle,
  NewJob,
  StartOutcome,
  TokenAppend,
} from './queue.types.js';
import { redisKeys, watchMember } from './redis-keys.js';
import { QUEUED_REVIEW_MS, RUNNING_REVIEW_MS } from './review/plan-review.js';
import { cancelScript } from './scripts/cancel.lua.js';
import { finishScript } from './scripts/finish.lua.js';
import { expireScript, failLostScript, handBackScript, requeueScript } from './scripts/recover.lua.js';
import { runScript, type RedisScript } from './scripts/redis-script.js';
import { startScript } from './scripts/start.lua.js';
import { submitScript, withdrawScript } from './scripts/submit.lua.js';
import { storedValue } from './stored-value.js';

/** A job and the queue it is in: what its keys are made of. */
export interface JobRef extends ModelRef {
  readonly jobId: string;
}

export type SubmitOutcome =
  { readonly kind: 'stored'; readonly job: JobRecord } | { readonly kind: 'full'; readonly waiting: number };

/**
 * Every change of a job's status, each one atomic script. Nothing else writes a record. What the scripts refuse is
 * an outcome; a thrown error is Redis being away, or a bug.
 */
export class RedisJobLifecycle implements JobLifecycle {
  constructor(
    private readonly redis: Redis,
    private readonly onLateWrite: (kind: 'append' | 'finish') => void = () => {},
  ) {}

  /** Stores the record as queued. A second call with the same id answers with what is stored. */
  async submit(job: NewJob, maxQueuedJobs: number): Promise<SubmitOutcome> {
    const record = newJobRecord(job);
    const firstLookMs = Math.min(job.createdAtMs + QUEUED_REVIEW_MS, (job.startByMs ?? Infinity) + 1);
    const [kind, detail] = await this.#run<[string, unknown]>(
      submitScript,
      { ...job, jobId: job.id },
      job.createdAtMs,
      [
        redisKeys.tenantJobs(job.tenant),
        redisKeys.queues,
        redisKeys.bull.prioritized(job),
        redisKeys.bull.wait(job),
      ],
      [
        maxQueuedJobs,
        firstLookMs,
        watchMember(job.tenant, job.id),
        `${job.model} ${job.variant}`,
        ...encodeJobRecord(record),
      ],
    );
    if (kind === 'full') return { kind: 'full', waiting: Number(detail) };
    return { kind: 'stored', job: kind === 'known' ? recordOf(detail) : record };
  }

  /** Removes a record that BullMQ did not take; answers with the record where it must stay. */
  async withdraw(job: NewJob, nowMs: number): Promise<JobRecord | undefined> {
    const [kind, detail] = await this.#run<[string, unknown]>(
      withdrawScript,
      { ...job, jobId: job.id },
      nowMs,
      [redisKeys.tenantJobs(job.tenant)],
      [watchMember(job.tenant, job.id)],
    );
    return kind === 'kept' && Array.isArray(detail) && detail.length > 0 ? recordOf(detail) : undefined;
  }

  async start(lease: AttemptLease, nowMs: number): Promise<StartOutcome> {
    const [kind, detail] = await this.#run<[string, unknown]>(
      startScript,
      lease,
      nowMs,
      [lockOf(lease)],
      [lease.lockToken, lease.attempt, nowMs + RUNNING_REVIEW_MS],
    );
    if (kind === 'started') return { kind, job: recordOf(detail) };
    if (kind === 'lost') return { kind };
    return { kind: 'skip', reason: storedValue(detail) };
  }

  async appendTokens(appends: readonly TokenAppend[]): Promise<readonly FencedOutcome[]> {
    if (appends.length === 0) return [];
    const pipeline = this.redis.pipeline();
    for (const append of appends) addToken(pipeline, append);
    const replies = (await pipeline.exec()) ?? [];
    return Promise.all(
      appends.map(async (append, i) => (isRefused(replies[i * 2]) ? this.#afterRefusal(append) : 'written')),
    );
  }

  async finish(lease: AttemptLease, result: FinishedAttempt): Promise<FencedOutcome> {
    const outcome = await this.#run<FencedOutcome>(
      finishScript,
      lease,
      result.finishedAtMs,
      [lockOf(lease)],
      [lease.lockToken, lease.attempt, result.status, ...encodeFinishedAttempt(result)],
    );
    if (outcome === 'lost') this.onLateWrite('finish');
    return outcome;
  }

  async cancel(tenant: string, job: JobRef, nowMs: number): Promise<CancelOutcome> {
    const [kind, detail] = await this.#run<[CancelOutcome['kind'], unknown]>(
      cancelScript,
      job,
      nowMs,
      [lockOf(job)],
      [tenant, redisKeys.cancellations],
    );
    return kind === 'not-found' ? { kind } : { kind, job: recordOf(detail) };
  }

  /** A running job whose worker is gone goes back to the queue, or ends. */
  requeue(job: JobRef, nowMs: number): Promise<'queued' | 'cancelled' | 'failed' | 'unchanged'> {
    return this.#run(requeueScript, job, nowMs, [lockOf(job)], []);
  }

  /** A worker that shuts down returns its job, unharmed. */
  handBack(lease: AttemptLease, nowMs: number): Promise<'queued' | 'cancelled' | 'finished' | 'lost'> {
    return this.#run(handBackScript, lease, nowMs, [lockOf(lease)], [lease.lockToken, lease.attempt]);
  }

  /** Fails a job that BullMQ no longer holds. */
  failLost(job: JobRef, nowMs: number): Promise<'failed' | 'unchanged'> {
    return this.#run(failLostScript, job, nowMs, [lockOf(job), redisKeys.bull.job(job, job.jobId)], []);
  }

  /** Expires a queued job past its `start_by`. */
  expire(job: JobRef, nowMs: number): Promise<'expired' | 'unchanged'> {
    return this.#run(expireScript, job, nowMs, [], []);
  }

  async #run<T>(
    script: RedisScript,
    job: JobRef,
    nowMs: number,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<T> {
    const common = [
      redisKeys.job(job.jobId),
      redisKeys.events(job.jobId),
      redisKeys.watch,
      redisKeys.webhookOutbox,
      redisKeys.finishedJobs,
      redisKeys.webhookSubscribers,
      redisKeys.load(job),
    ];
    return storedValue<T>(
      await runScript(this.redis, script, [...common, ...keys], [job.jobId, nowMs, ...args]),
    );
  }

  /** A refused entry that is there was written by an earlier try of this call, whose reply did not arrive. */
  async #afterRefusal({ lease, sequence }: TokenAppend): Promise<FencedOutcome> {
    const entryId = `${lease.attempt}-${sequence}`;
    const entries = await this.redis.xrange(redisKeys.events(lease.jobId), entryId, entryId);
    if (entries.length > 0) return 'written';
    this.onLateWrite('append');
    return 'lost';
  }
}

/** How Redis refuses an entry id that a newer attempt, or the end of this one, has passed. */
const SMALLER_ID = /equal or smaller than the target stream top item/;

function isRefused(reply: [Error | null, unknown] | undefined): boolean {
  const [error, entryId] = reply ?? [new Error('Redis gave no reply to an append.'), null];
  if (error !== null && !SMALLER_ID.test(error.message)) throw error;
  return entryId === null || error !== null;
}

/** The stream exists from submission to expiry, so NOMKSTREAM refuses a writer that comes after that. */
function addToken(pipeline: ChainableCommander, { lease, sequence, text, tokenCount }: TokenAppend): void {
  const stream = redisKeys.events(lease.jobId);
  const entryId = `${lease.attempt}-${sequence}`;
  pipeline.xadd(stream, 'NOMKSTREAM', entryId, 'type', 'token', 'text', text, 'n', tokenCount);
  pipeline.publish(stream, entryId);
}

function lockOf(job: JobRef): string {
  return redisKeys.bull.lock(job, job.jobId);
}

function recordOf(flat: unknown): JobRecord {
  const record = decodeFlatRecord(storedValue<string[]>(flat));
  if (record === undefined) throw new Error('A job script returned no record. This is a bug.');
  return record;
}
