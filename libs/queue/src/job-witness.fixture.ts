import assert from 'node:assert/strict';
import { isFinalJobStatus, mayFollow, type ChoiceRecord, type JobStatus } from '#contracts';
import type { Redis } from 'ioredis';
import { isDoneEventId } from './event-ids.js';
import { textOf, type Happening, type JobHistory } from './job-history.fixture.js';
import { redisKeys } from './redis-keys.js';
import { storedValue } from './stored-value.js';

/** Sees a job after everything that happens to it, and throws at the first thing that must not be. */
export class JobWitness {
  readonly #endings: JobStatus[] = [];
  readonly #eventIds: string[] = [];
  #status: JobStatus | null = 'queued';
  #retries = 0;

  constructor(
    private readonly history: JobHistory,
    private readonly redis: Redis,
  ) {}

  async look(step: Happening): Promise<void> {
    const { job, shown } = this.history;
    const record = await this.redis.hgetall(redisKeys.job(job.id));
    const entries = await this.redis.xrange(redisKeys.events(job.id), '-', '+');
    const status = storedValue<JobStatus | null>(record['status'] ?? null);
    this.#seeMove(status, step);
    this.#seeEvents(entries.map(([id]) => id));
    this.#retries = Number(record['retries'] ?? this.#retries);
    const ended = status === null || isFinalJobStatus(status);
    assert.equal(this.#eventIds.filter(isDoneEventId).length, this.#retries + (ended ? 1 : 0));

    const isGone = status === null || record['fetchedAtMs'] !== undefined;
    if (isGone) return;
    const texts = entries.map(([, fields]) => (fields[1] === 'token' ? fields[3] : ''));
    assert.equal(texts.join(''), textOf(shown));
    assert.equal(textOfChoices(record['choices']), ended ? textOf(shown) : '');
    const isQuarantined = record['failure']?.includes('"quarantined"') ?? false;
    const deadLetters = await this.redis.zrange(redisKeys.deadLetters(job.tenant), 0, '-1');
    assert.deepEqual(deadLetters, isQuarantined ? [job.id] : []);
  }

  /** Each end was counted and, where a webhook asks for it, told once. */
  async lookBack(): Promise<void> {
    const { id, model, variant, webhook } = this.history.job;
    const counts = await this.redis.hgetall(redisKeys.finishedJobs);
    for (const status of ['succeeded', 'failed', 'cancelled', 'expired'] as const) {
      const count = this.#endings.filter((ending) => ending === status).length;
      assert.equal(Number(counts[`${model} ${variant} ${status}`] ?? 0), count);
    }
    const outbox = await this.redis.lrange(redisKeys.webhookOutbox, 0, -1);
    assert.equal(new Set(outbox).size, outbox.length);
    const ends = outbox.filter((entry) => !entry.includes('job.started')).toReversed();
    const due = webhook === null ? [] : this.#endings.map((ending, run) => `${id} job.${ending} ${run}`);
    assert.deepEqual(ends, due);
  }

  /** A lost attempt and the next start are two moves in one script, by way of `queued`. */
  #seeMove(to: JobStatus | null, step: Happening): void {
    const from = this.#status;
    this.#status = to;
    if (to === from) return;
    assert.ok(from !== null, 'a job came back that was gone');
    if (to === null) {
      assert.ok(step.do === 'fetch' && isFinalJobStatus(from), `${from} is gone by ${step.do}`);
      return;
    }
    assert.ok(mayFollow(from, to), `${from} to ${to} by ${step.do}`);
    assert.ok(!isFinalJobStatus(from) || step.do === 'retry', `${from} to ${to} by ${step.do}`);
    if (isFinalJobStatus(to)) this.#endings.push(to);
  }

  /** Ids ascend for ever, though a retry or a fetch takes the events themselves away. */
  #seeEvents(ids: readonly string[]): void {
    const known = new Set(this.#eventIds);
    this.#eventIds.push(...ids.filter((id) => !known.has(id)));
    assert.deepEqual(this.#eventIds, this.#eventIds.toSorted(byId));
    assert.deepEqual(ids, this.#eventIds.slice(this.#eventIds.length - ids.length));
  }
}

function textOfChoices(json = '[]'): string {
  return textOf(storedValue<ChoiceRecord[]>(JSON.parse(json)));
}

function byId(a: string, b: string): number {
  const [attemptA = 0, nA = 0] = a.split('-').map(Number);
  const [attemptB = 0, nB = 0] = b.split('-').map(Number);
  return attemptA - attemptB || nA - nB;
}
