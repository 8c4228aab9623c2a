import type { JobRecord, ModelRef, PlaceInLine, WorkerHeartbeat } from '#contracts';
import type { Redis } from 'ioredis';
import { SCORE_OF_PRIORITY } from '../line-heads.js';
import { LiveWorkers } from '../live-workers.js';
import { pipelineReplies } from '../pipeline-replies.js';
import { redisKeys } from '../redis-keys.js';
import { estimateStart } from './estimate-start.js';
import { secondsUntilRoom, type FullLine, type LineLimits } from './full-line.js';
import { decodeQueueLoad, type JobSize, type QueueLoad } from './queue-load.js';
import { workAhead, type LinePosition } from './work-ahead.js';

/** A page of jobs asks for the workers a hundred times. */
const WORKERS_MAX_AGE_MS = 500;

type LineReplies = readonly [
  rank: number | null,
  score: string | null,
  recovered: number,
  index: number | null,
  load: Record<string, string>,
];

/** Answers where a job stands in line and for how long, by a few reads whose cost does not grow with the line. */
export class LineReader {
  constructor(
    private readonly redis: Redis,
    private readonly workers = new LiveWorkers(redis),
  ) {}

  /** Undefined for a job that does not wait. */
  async place(job: JobRecord, nowMs: number): Promise<PlaceInLine | undefined> {
    const [place, workers] = await Promise.all([this.#read(job), this.#readyWorkers(job, nowMs)]);
    if (place === undefined) return undefined;
    const { line, running } = decodeQueueLoad(place.load, nowMs);
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

  /** The job's position and the load around it; undefined for a job that does not wait. */
  async #read(
    job: JobRecord,
  ): Promise<(LinePosition & { readonly load: Record<string, string> }) | undefined> {
    const { prioritized, wait } = redisKeys.bull;
    const [rank, score, recovered, index, load] = await pipelineReplies<LineReplies>(
      this.redis
        .pipeline()
        .zrank(prioritized(job), job.id)
        .zscore(prioritized(job), job.id)
        .llen(wait(job))
        // The list holds recovered jobs only, so it is short; jobs are taken from its tail.
        .lpos(wait(job), job.id, 'RANK', -1)
        .hgetall(redisKeys.load(job)),
    );
    if (rank !== null && score !== null) {
      return { position: recovered + rank + 1, line: Math.floor(Number(score) / SCORE_OF_PRIORITY), load };
    }
    return index === null ? undefined : { position: recovered - index, line: 0, load };
  }

  async #loadOf(ref: ModelRef, nowMs: number): Promise<QueueLoad> {
    return decodeQueueLoad(await this.redis.hgetall(redisKeys.load(ref)), nowMs);
  }

  async #readyWorkers({ model, variant }: ModelRef, nowMs: number): Promise<readonly WorkerHeartbeat[]> {
    const live = await this.workers.read(nowMs, WORKERS_MAX_AGE_MS);
    return live.filter((one) => one.status === 'ready' && one.model === model && one.variant === variant);
  }
}
