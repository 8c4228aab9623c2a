import type { WorkerHeartbeat } from '#contracts';
import type { Redis } from 'ioredis';
import { liveWorkers } from './worker-registry.js';

/** The live workers as this process read them last. Heartbeats change every two seconds, so one read serves many. */
export class LiveWorkers {
  #latest: { readonly atMs: number; readonly list: Promise<readonly WorkerHeartbeat[]> } | undefined;

  constructor(private readonly redis: Redis) {}

  /** @param maxAgeMs age at which the list is read again; with 0 it is always read. */
  read(nowMs: number, maxAgeMs = 0): Promise<readonly WorkerHeartbeat[]> {
    const readAtMs = performance.now();
    if (this.#latest !== undefined && readAtMs - this.#latest.atMs < maxAgeMs) return this.#latest.list;
    const latest = { atMs: readAtMs, list: liveWorkers(this.redis, nowMs) };
    this.#latest = latest;
    // A failure is not kept.
    latest.list.catch(() => {
      if (this.#latest === latest) this.#latest = undefined;
    });
    return latest.list;
  }
}
