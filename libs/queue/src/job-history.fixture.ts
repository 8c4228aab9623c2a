import type { JobFailure, JobStatus } from '#contracts';
import { succeededAttempt, testAppend } from '#testing';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { RedisJobLifecycle } from './job-lifecycle.js';
import type { AttemptLease, NewJob, TokenAppend } from './queue.types.js';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';
import { endOfThrown } from './worker/end-of-thrown.js';

/** One thing that can happen to a job. `of` picks any attempt so far: the holder or a stale one. */
export type Happening = JobHappening | AttemptHappening;

interface JobHappening {
  readonly do: keyof typeof JOB_WEIGHTS;
}

interface AttemptHappening {
  readonly do: keyof typeof ATTEMPT_WEIGHTS;
  readonly of: number;
}

/** How often each happens, such that jobs run long, break often and seldom end well. */
const JOB_WEIGHTS = {
  run: 10,
  take: 1,
  'lose-lock': 4,
  requeue: 4,
  retry: 5,
  cancel: 1,
  expire: 1,
  fetch: 1,
} as const;

const ATTEMPT_WEIGHTS = {
  append: 12,
  'append-again': 2,
  start: 2,
  finish: 2,
  throw: 3,
  refuse: 1,
  die: 5,
  kill: 2,
  'hand-back': 2,
} as const;

export const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    ...entriesOf(JOB_WEIGHTS).map(([what, weight]) => ({
      weight,
      arbitrary: fc.record({ do: fc.constant(what) }),
    })),
    ...entriesOf(ATTEMPT_WEIGHTS).map(([what, weight]) => ({
      weight,
      // The latest attempt is where most happens.
      arbitrary: fc.record({
        do: fc.constant(what),
        of: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat({ max: 3 })),
      }),
    })),
  ),
  { minLength: 10, maxLength: 80 },
);

/** Outcomes by which a script says that it changed nothing. */
const REFUSALS = new Set([
  'lost',
  'finished',
  'unchanged',
  'not-found',
  'not-finished',
  'succeeded',
  'already-finished',
  'gone',
]);

interface Attempt {
  readonly lease: AttemptLease;
  /** Undefined until it was let run; then all text it knows of. */
  text?: string;
  sequence: number;
  last?: TokenAppend;
}

/** Lets things happen to one job, with BullMQ's part (who has the lock, which attempt it is) played by hand. */
export class JobHistory {
  readonly lifecycle: RedisJobLifecycle;
  /** The tokens that the job's present run has shown. */
  readonly shown: { id: number; text: string }[] = [];
  readonly #attempts: Attempt[] = [];
  #attemptsBefore = 0;
  #attemptsStarted = 0;

  constructor(
    readonly job: NewJob,
    private readonly redis: Redis,
  ) {
    this.lifecycle = new RedisJobLifecycle(redis);
  }

  /** @returns whether nothing may have changed: the script says so, or it was called without the job's lock */
  async happen(happening: Happening, nowMs: number): Promise<boolean> {
    const lacksLock = await this.#lacksLock(happening);
    const outcome =
      'of' in happening ? await this.#ofAttempt(happening, nowMs) : await this.#ofJob(happening, nowMs);
    return lacksLock || outcome === undefined || REFUSALS.has(outcome);
  }

  async status(): Promise<JobStatus | null> {
    return storedValue(await this.redis.hget(redisKeys.job(this.job.id), 'status'));
  }

  /** True for the deeds of an attempt that has lost its job or never had it. A death is reported by others. */
  async #lacksLock(happening: Happening): Promise<boolean> {
    if (!('of' in happening) || happening.do === 'die' || happening.do === 'kill') return false;
    const attempt = this.#attempts.at(-1 - happening.of);
    const holder = await this.redis.get(redisKeys.bull.lock(this.job, this.job.id));
    return attempt?.lease.lockToken !== holder;
  }

  get #ref() {
    return { jobId: this.job.id, model: this.job.model, variant: this.job.variant };
  }

  async #ofJob(happening: JobHappening, nowMs: number): Promise<string | undefined> {
    const { job, lifecycle, redis } = this;
    const lock = redisKeys.bull.lock(job, job.id);
    switch (happening.do) {
      case 'take':
        await this.#take(lock);
        return 'taken';
      case 'run':
        await this.#start(await this.#take(lock), nowMs);
        return 'run';
      case 'lose-lock':
        await redis.del(lock);
        return 'lost its lock';
      case 'cancel':
        return (await lifecycle.cancel(job.tenant, this.#ref, nowMs)).kind;
      case 'requeue':
        return lifecycle.requeue(this.#ref, nowMs);
      case 'expire':
        return lifecycle.expire(this.#ref, nowMs);
      case 'retry': {
        const outcome = await lifecycle.retry(job.tenant, this.#ref, nowMs);
        if (outcome.kind === 'queued') this.#beginAnew(outcome.job.attempt);
        return outcome.kind;
      }
      case 'fetch': {
        const fetched = await lifecycle.fetch(job.tenant, this.#ref, nowMs);
        return fetched === undefined ? 'not-found' : 'fetched';
      }
      default:
        return happening.do satisfies never;
    }
  }

  async #take(lock: string): Promise<Attempt> {
    const number = this.#attemptsBefore + ++this.#attemptsStarted;
    const lockToken = `token-${this.#attempts.length}`;
    const attempt: Attempt = { lease: { ...this.#ref, attempt: number, lockToken }, sequence: 0 };
    this.#attempts.push(attempt);
    await this.redis.set(lock, lockToken);
    return attempt;
  }

  #beginAnew(attempt: number): void {
    this.#attemptsBefore = attempt;
    this.#attemptsStarted = 0;
    this.shown.length = 0;
  }

  async #ofAttempt(happening: AttemptHappening, nowMs: number): Promise<string | undefined> {
    const attempt = this.#attempts.at(-1 - happening.of);
    if (attempt === undefined) return undefined;
    const { lease } = attempt;
    const held = { jobId: lease.jobId, attempt: lease.attempt };
    switch (happening.do) {
      case 'start':
        return this.#start(attempt, nowMs);
      case 'append':
        return this.#append(attempt);
      case 'append-again':
        return attempt.last && (await this.lifecycle.appendTokens([attempt.last]))[0];
      case 'finish':
        // An attempt has a text only once it runs.
        if (attempt.text === undefined) return undefined;
        return this.lifecycle.finish(lease, succeededAttempt(attempt.text, { finishedAtMs: nowMs }));
      case 'throw':
        return this.lifecycle.finish(lease, endOfThrown(undefined, nowMs));
      case 'refuse':
        return this.lifecycle.finish(lease, refused({ code: 'invalid_input', message: 'No.' }, nowMs));
      case 'hand-back':
        return this.lifecycle.handBack(lease, nowMs);
      case 'die':
        return this.lifecycle.noteDeath(lease, held, DEATH);
      case 'kill':
        return this.lifecycle.noteDeath(lease, held, null);
      default:
        return happening.do satisfies never;
    }
  }

  async #start(attempt: Attempt, nowMs: number): Promise<string> {
    const outcome = await this.lifecycle.start(attempt.lease, nowMs);
    if (outcome.kind === 'lost') return 'lost';
    if (outcome.kind === 'skip') return outcome.reason;
    const [{ text, tokenIds } = { text: '', tokenIds: [] }] = outcome.generated;
    const expected = [textOf(this.shown), this.shown.map(({ id }) => id).join()];
    if (text !== expected[0] || tokenIds.join() !== expected[1]) {
      throw new Error(`Attempt ${attempt.lease.attempt} goes on from "${text}", shown was "${expected[0]}".`);
    }
    attempt.text ??= text;
    return 'started';
  }

  async #append(attempt: Attempt): Promise<string | undefined> {
    if (attempt.text === undefined) return undefined;
    const id = this.shown.length * 100 + attempt.lease.attempt;
    const append = testAppend({
      lease: attempt.lease,
      sequence: ++attempt.sequence,
      text: `${id} `,
      tokenIds: [id],
    });
    const [outcome] = await this.lifecycle.appendTokens([append]);
    if (outcome === 'written') {
      attempt.last = append;
      attempt.text += append.text;
      this.shown.push({ id, text: append.text });
    }
    return outcome;
  }
}

export function textOf(tokens: readonly { readonly text: string }[]): string {
  return tokens.map(({ text }) => text).join('');
}

const DEATH = {
  workerId: 'w',
  atMs: 1,
  signal: 'SIGSEGV',
  exitCode: null,
  memoryBytes: 1,
  lastStep: 'decode',
  jobsInStep: 1,
};

function refused(failure: JobFailure, finishedAtMs: number) {
  return { status: 'failed', finishReason: 'error', failure, finishedAtMs } as const;
}

function entriesOf<T extends string>(weights: Readonly<Record<T, number>>): [T, number][] {
  return storedValue(Object.entries(weights));
}
