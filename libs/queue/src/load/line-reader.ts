import type { JobRecord, ModelRef, PlaceInLine, WorkerHeartbeat } from '#contracts';
import type { Redis } from 'ioredis';
import { SCORE_OF_PRIORITY } from '../line-heads.js';
import { redisKeys } from '../redis-keys.js';
import { liveWorkers } from '../worker-registry.js';
import { estimateStart } from './estimate-start.js';
import { secondsUntilRoom, type FullLine, type LineLimits } from './full-line.js';
import { decodeQueueLoad, type JobSize, type QueueLoad } from './queue-load.js';
import { workAhead, type LinePosition } from './work-ahead.js';

/** Heartbeats change every two seconds; a page of jobs asks for them a hundred times. */
const WORKERS_KEPT_MS = 500;

/** Answers where a job stands in line and for how long, by a few reads whose cost does not grow with the line. */
export class LineReader {
  #workers: { readonly atMs: number; readonly list: Promise<readonly WorkerHeartbeat[]> } | undefined;

  constructor(private readonly redis: Redis) {}

  /** Undefined for a job that does not wait. */
  async place(job: JobRecord, nowMs: number): Promise<PlaceInLine | undefined> {
    const [place, load, workers] = await Promise.all([
      this.#positionOf(job),
      this.#loadOf(job, nowMs),
      this.#readyWorkers(job, nowMs),
    ]);
    if (place === undefined) return undefined;
    const { line, running } = load;
    const ahead = workAhead(line, place, job);
    const overtaking = line.slice(0, place.line).map(({ arrivals }) => arrivals);
    return {
      position: place.position,
      etaS: estimateStart({ ahead, overtaking, running, workers, nowMs }),
    };
  }

  async secondsUntilRoom(
    ref: ModelRef & JobSize,
    full: FullLine,
    limits: LineLimits,
    nowMs: number,
  ): Promise<number> {
    const [load, workers] = await Promise.all([this.#loadOf(ref, nowMs), this.#readyWorkers(ref, nowMs)]);
    return secondsUntilRoom(full, limits, ref, load, workers, nowMs);
  }

  async #positionOf(job: JobRecord): Promise<LinePosition | undefined> {
    const { prioritized, wait } = redisKeys.bull;
    const [rank, score, recovered, index] = await Promise.all([
      this.redis.zrank(prioritized(job), job.id),
      this.redis.zscore(prioritized(job), job.id),
      this.redis.llen(wait(job)),
      // The list holds recovered jobs only, so it is short; jobs are taken from its tail.
      this.redis.lpos(wait(job), job.id, 'RANK', -1),
    ]);
    if (rank !== null && score !== null) {
      return { position: recovered + rank + 1, line: Math.floor(Number(score) / SCORE_OF_PRIORITY) };
    }
    return index === null ? undefined : { position: recovered - index, line: 0 };
  }

  async #loadOf(ref: ModelRef, nowMs: number): Promise<QueueLoad> {
    return decodeQueueLoad(await this.redis.hgetall(redisKeys.load(ref)), nowMs);
  }

  async #readyWorkers({ model, variant }: ModelRef, nowMs: number): Promise<readonly WorkerHeartbeat[]> {
    if (this.#workers === undefined || nowMs - this.#workers.atMs > WORKERS_KEPT_MS) {
      this.#workers = { atMs: nowMs, list: liveWorkers(this.redis, nowMs) };
    }
    const { list } = this.#workers;
    // A failure is not kept.
    list.catch(() => (this.#workers = undefined));
    const live = await list;
    return live.filter((one) => one.status === 'ready' && one.model === model && one.variant === variant);
  }
}
