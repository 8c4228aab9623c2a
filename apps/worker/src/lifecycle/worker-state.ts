import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { HEARTBEAT_TTL_MS, type WorkerHeartbeat } from '#contracts';

export type WorkerStatus = WorkerHeartbeat['status'];

export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly reason: 'starting' | 'draining' | 'redis-unreachable' };

/** Names a worker of this host; new for each process. */
export function newWorkerId(): string {
  return `${hostname()}-${randomUUID()}`;
}

/** Where the worker stands between start and exit; the health port and the heartbeat tell it. */
export class WorkerState {
  readonly startedAtMs = Date.now();
  private current: WorkerStatus = 'starting';
  private redisSeenAtMs = Number.NEGATIVE_INFINITY;

  get status(): WorkerStatus {
    return this.current;
  }

  modelServed(): void {
    if (this.current === 'starting') this.current = 'ready';
  }

  drainBegun(): void {
    this.current = 'draining';
  }

  redisAnswered(nowMs: number): void {
    this.redisSeenAtMs = nowMs;
  }

  /** Ready means: jobs are taken, and Redis answered within the lifetime of a heartbeat. */
  readiness(nowMs: number): Readiness {
    if (this.current !== 'ready') return { ready: false, reason: this.current };
    if (nowMs - this.redisSeenAtMs > HEARTBEAT_TTL_MS) return { ready: false, reason: 'redis-unreachable' };
    return { ready: true };
  }
}
