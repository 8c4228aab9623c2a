import { JOB_FAILURE_FAULT, type JobRecord, type ModelRef, type WorkerDeath } from '#contracts';
import type { Redis } from 'ioredis';
import {
  decodeFlatRecord,
  encodeFinishedAttempt,
  encodeJobRecord,
  newJobRecord,
  type UntoldAttempt,
} from './job-record-codec.js';
import type {
  HeldJob,
  AttemptLease,
  CancelOutcome,
  FencedOutcome,
  FinishedAttempt,
  FinishOutcome,
  JobLifecycle,
  NewJob,
  RetryOutcome,
  StartOutcome,
  TokenAppend,
} from './queue.types.js';
import { NO_LIMITS, type FullLine, type LineLimits } from './load/full-line.js';
import { redisKeys, watchMember } from './redis-keys.js';
import { QUEUED_REVIEW_MS, RUNNING_REVIEW_MS } from './review/plan-review.js';
import { ageScript } from './scripts/age.lua.js';
import { appendScript } from './scripts/append.lua.js';
import { cancelScript } from './scripts/cancel.lua.js';
import { fetchScript } from './scripts/fetch.lua.js';
import { finishScript } from './scripts/finish.lua.js';
import { noteDeathScript } from './scripts/note-death.lua.js';
import { expireScript, handBackScript, requeueScript } from './scripts/recover.lua.js';
import { runScript, type RedisScript } from './scripts/redis-script.js';
import { retryScript } from './scripts/retry.lua.js';
import { startScript } from './scripts/start.lua.js';
import { submitScript, withdrawScript } from './scripts/submit.lua.js';
import { decodeTextsSoFar, encodeTokens } from './shown-tokens.js';
import { storedValue } from './stored-value.js';

/** A job and the queue it is in: what its keys are made of. */
export interface JobRef extends ModelRef {
  readonly jobId: string;
}

export type SubmitOutcome =
  | { readonly kind: 'stored' | 'known'; readonly job: JobRecord }
  | { readonly kind: 'full'; readonly line: FullLine };

/** A retry that found no room in line. */
export interface RefusedRetry {
  readonly kind: 'full';
  readonly job: JobRecord;
  readonly line: FullLine;
}

/** Told of what the scripts found out about an attempt besides their answer. */
export interface AttemptObserver {
  /** A write was refused because the attempt had lost its job. */
  lateWrite?(kind: 'append' | 'finish'): void;
  /** The attempt is to stop: its client wants that, or its job is another's. */
  stop?(lease: AttemptLease, kind: 'cancelled' | 'lost'): void;
  /** The job failed by a fault of ours for the `tries`th time and is queued again. */
  retryLater?(lease: AttemptLease, tries: number): void;
}

/** When to look whether BullMQ has a retried job; its former entry may have stood in the way. */
const RETRIED_REVIEW_MS = 1_000;

/**
 * Every change of a job's status, each one atomic script. Nothing else writes a record. What the scripts refuse is
 * an outcome; a thrown error is Redis being away, or a bug.
 */
export class RedisJobLifecycle implements JobLifecycle {
  constructor(
    private readonly redis: Redis,
    private readonly observer: AttemptObserver = {},
  ) {}

  /** Stores the record as queued. A second call with the same id answers with what is stored. */
  async submit(job: NewJob, limits: LineLimits = NO_LIMITS): Promise<SubmitOutcome> {
    const record = newJobRecord(job);
    const firstLookMs = Math.min(job.createdAtMs + QUEUED_REVIEW_MS, (job.startByMs ?? Infinity) + 1);
    const [kind, ...detail] = await this.#run<[string, ...unknown[]]>(
      submitScript,
      { ...job, jobId: job.id },
      job.createdAtMs,
      [redisKeys.tenantJobs(job.tenant), redisKeys.queues],
      [
        limits.maxQueuedJobs,
        limits.maxQueuedTokens,
        job.promptTokens + job.maxTokens,
        firstLookMs,
        `${job.model} ${job.variant}`,
        ...encodeJobRecord(record),
      ],
    );
    if (kind === 'full') return { kind, line: fullLineOf(detail) };
    return kind === 'known' ? { kind, job: recordOf(detail[0]) } : { kind: 'stored', job: record };
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
    const [kind, detail, ...texts] = await this.#run<[string, unknown, ...string[]]>(
      startScript,
      lease,
      nowMs,
      [],
      [lease.lockToken, lease.attempt, nowMs + RUNNING_REVIEW_MS],
    );
    if (kind === 'lost') return { kind };
    if (kind === 'skip') return { kind, reason: storedValue(detail) };
    const job = recordOf(detail);
    return { kind: 'started', job, generated: decodeTextsSoFar(texts), suspect: job.deaths.length > 0 };
  }

  async appendTokens(appends: readonly TokenAppend[]): Promise<readonly FencedOutcome[]> {
    if (appends.length === 0) return [];
    const keys = appends.flatMap(({ lease }) => [
      redisKeys.job(lease.jobId),
      redisKeys.events(lease.jobId),
      lockOf(lease),
    ]);
    const args = appends.flatMap(({ lease, sequence, ...shown }) => [
      lease.lockToken,
      lease.attempt,
      sequence,
      ...encodeTokens(shown),
    ]);
    const replies = storedValue<string[]>(await runScript(this.redis, appendScript, keys, args));
    return appends.map(({ lease }, i) => {
      const outcome = storedValue<FencedOutcome>(replies[2 * i]);
      if (outcome === 'lost') {
        this.observer.lateWrite?.('append');
        this.observer.stop?.(lease, 'lost');
      } else if (replies[2 * i + 1] === '1') this.observer.stop?.(lease, 'cancelled');
      return outcome;
    });
  }

  async finish(lease: AttemptLease, result: FinishedAttempt | UntoldAttempt): Promise<FinishOutcome> {
    const { failure } = result;
    const [outcome, tries] = await this.#run<[FinishOutcome, string?]>(
      finishScript,
      lease,
      result.finishedAtMs,
      [],
      [
        lease.lockToken,
        lease.attempt,
        result.status,
        flag(failure !== null && JOB_FAILURE_FAULT[failure.code] === 'service'),
        'choices' in result ? '' : result.finishReason,
        ...encodeFinishedAttempt(result),
      ],
    );
    if (outcome === 'lost') this.observer.lateWrite?.('finish');
    if (outcome === 'retry-later') this.observer.retryLater?.(lease, Number(tries));
    return outcome;
  }

  async cancel(tenant: string, job: JobRef, nowMs: number): Promise<CancelOutcome> {
    const [kind, detail] = await this.#run<[CancelOutcome['kind'], unknown]>(
      cancelScript,
      job,
      nowMs,
      [],
      [tenant, redisKeys.cancellations],
    );
    return kind === 'not-found' ? { kind } : { kind, job: recordOf(detail) };
  }

  /** Has an ended job run again at its client's wish. */
  async retry(
    tenant: string,
    job: JobRef,
    nowMs: number,
    limits: LineLimits = NO_LIMITS,
  ): Promise<RetryOutcome | RefusedRetry> {
    const [kind, ...detail] = await this.#run<[RetryOutcome['kind'] | 'full', ...unknown[]]>(
      retryScript,
      job,
      nowMs,
      [],
      [tenant, nowMs + RETRIED_REVIEW_MS, limits.maxQueuedJobs, limits.maxQueuedTokens],
    );
    if (kind === 'not-found') return { kind };
    const [record, ...line] = detail;
    return kind === 'full'
      ? { kind, job: recordOf(record), line: fullLineOf(line) }
      : { kind, job: recordOf(record) };
  }

  /** An ended job for its client; one that is to be gone once fetched goes with this. */
  async fetch(tenant: string, job: JobRef, nowMs: number): Promise<JobRecord | undefined> {
    return decodeFlatRecord(await this.#run<string[]>(fetchScript, job, nowMs, [], [tenant]));
  }

  /** Notes that the worker of this attempt is dead, and frees its lock. @param death null where the job is not to blame */
  noteDeath(queue: ModelRef, held: HeldJob, death: WorkerDeath | null): Promise<'noted' | 'unchanged'> {
    const { jobId, attempt, lockToken = '' } = held;
    const { model, variant } = queue;
    const args = [attempt, lockToken, death === null ? '' : JSON.stringify(death)];
    return this.#run(noteDeathScript, { jobId, model, variant }, 0, [], args);
  }

  /** A running job whose worker is gone goes back to the queue, or ends. */
  requeue(job: JobRef, nowMs: number): Promise<'queued' | 'cancelled' | 'failed' | 'unchanged'> {
    return this.#run(requeueScript, job, nowMs, [], []);
  }

  /** Moves a waiting job to the end of a better class. */
  age(job: JobRef, from: number, to: number, nowMs: number): Promise<'aged' | 'unchanged'> {
    const { prioritized, counter } = redisKeys.bull;
    return this.#run(ageScript, job, nowMs, [prioritized(job), counter(job)], [from, to]);
  }

  /** A worker that shuts down returns its job, unharmed. */
  handBack(lease: AttemptLease, nowMs: number): Promise<'queued' | 'cancelled' | 'finished' | 'lost'> {
    return this.#run(handBackScript, lease, nowMs, [], [lease.lockToken, lease.attempt]);
  }

  /** Expires a waiting job past its `start_by`, or past its `timeout_s` where it has started before. */
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
    return storedValue<T>(
      await runScript(this.redis, script, [...jobKeys(job), ...keys], [job.jobId, nowMs, ...args]),
    );
  }
}

/** The first keys of every job script, in the order of its prelude. */
function jobKeys(job: JobRef): string[] {
  return [
    redisKeys.job(job.jobId),
    redisKeys.events(job.jobId),
    redisKeys.watch,
    redisKeys.webhookOutbox,
    redisKeys.finishedJobs,
    redisKeys.webhookSubscribers,
    redisKeys.load(job),
    lockOf(job),
  ];
}

function lockOf(job: JobRef): string {
  return redisKeys.bull.lock(job, job.jobId);
}

function fullLineOf([jobs, tokens]: readonly unknown[]): FullLine {
  return { jobs: Number(jobs), tokens: Number(tokens) };
}

function flag(set: boolean): string {
  return set ? '1' : '';
}

function recordOf(flat: unknown): JobRecord {
  const record = decodeFlatRecord(storedValue<string[]>(flat));
  if (record === undefined) throw new Error('A job script returned no record. This is a bug.');
  return record;
}
