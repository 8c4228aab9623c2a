import type { JobRecord } from '#contracts';
import { newTestJob, testAppend } from '#testing';
import type { Redis } from 'ioredis';
import { RedisJobLifecycle, type AttemptObserver } from './job-lifecycle.js';
import { decodeJobRecord } from './job-record-codec.js';
import type { AttemptLease, NewJob, StartOutcome } from './queue.types.js';
import { redisKeys } from './redis-keys.js';

/** Jobs under the lifecycle scripts alone, with BullMQ's part (who has the lock) played by hand. */
export class PlayedQueue {
  readonly lifecycle: RedisJobLifecycle;

  constructor(
    private readonly redis: Redis,
    observer: AttemptObserver = {},
  ) {
    this.lifecycle = new RedisJobLifecycle(redis, observer);
  }

  async submit(overrides: Partial<NewJob> = {}): Promise<NewJob> {
    const job = newTestJob(overrides);
    await this.lifecycle.submit(job);
    return job;
  }

  /** What BullMQ does when it gives a job to a worker. */
  async take(job: NewJob, attempt: number): Promise<AttemptLease> {
    const lockToken = `token-${attempt}`;
    await this.redis.set(redisKeys.bull.lock(job, job.id), lockToken);
    return { jobId: job.id, model: job.model, variant: job.variant, attempt, lockToken };
  }

  async start(job: NewJob, attempt: number, nowMs = Date.now()): Promise<StartOutcome> {
    return this.lifecycle.start(await this.take(job, attempt), nowMs);
  }

  async run(job: NewJob, attempt = 1): Promise<AttemptLease> {
    const lease = await this.take(job, attempt);
    const outcome = await this.lifecycle.start(lease, Date.now());
    if (outcome.kind !== 'started')
      throw new Error(`Attempt ${attempt} was not let run: ${JSON.stringify(outcome)}`);
    return lease;
  }

  /** Appends words as tokens: ids count the tokens of the attempt from `sequence * 100`. */
  async say(lease: AttemptLease, sequence: number, ...words: string[]) {
    const tokenIds = words.map((_, i) => sequence * 100 + i);
    const [outcome] = await this.lifecycle.appendTokens([
      testAppend({ lease, sequence, text: words.join(''), tokenIds }),
    ]);
    return outcome;
  }

  async loseLock(job: NewJob): Promise<void> {
    await this.redis.del(redisKeys.bull.lock(job, job.id));
  }

  async stored(job: NewJob): Promise<JobRecord | undefined> {
    return decodeJobRecord(await this.redis.hgetall(redisKeys.job(job.id)));
  }

  /** `<id> <type> <text or status>` of each event. */
  async events(job: NewJob): Promise<string[]> {
    const entries = await this.redis.xrange(redisKeys.events(job.id), '-', '+');
    return entries.map(([id, fields]) => `${id} ${fields[1]} ${fields[3]}`);
  }
}

export function refOf(job: NewJob) {
  return { jobId: job.id, model: job.model, variant: job.variant };
}
