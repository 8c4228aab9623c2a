import type { ChaosLoad } from './chaos-load.js';
import { planJob } from './plan-jobs.js';

/** Clients at once; more than the workers have slots, so that some jobs wait. */
const LANES = 32;

/** A steady stream of jobs: each lane is a client that takes its next job when it is done with the last. */
export class ClientLanes {
  #next = 0;
  #open = true;

  constructor(
    private readonly load: ChaosLoad,
    private readonly seed: number,
  ) {}

  /** Resolves when every lane is done with its last job after `stop`; rejects where the service answers what no client can wait out. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: LANES }, () => this.#runLane()));
  }

  /** No lane takes another job. */
  stop(): void {
    this.#open = false;
  }

  async #runLane(): Promise<void> {
    while (this.#open) {
      const index = this.#next;
      this.#next += 1;
      const job = await this.load.submit(planJob(this.seed, index));
      await job.live();
    }
  }
}
