import type { ChaosLoad } from './chaos-load.js';
import type { ChaosSystem } from './chaos-system.js';
import { ClientLanes } from './client-lanes.js';
import type { FaultInjector } from './fault-injector.js';
import { planFaults } from './plan-faults.js';
import type { RecoveryWatch } from './recovery-watch.js';

/** With everything well again a job needs a lost worker's lock and its own time, far less than this. */
const SETTLE_MS = 60_000;
const PROGRESS_MS = 10_000;

export interface ChaosRun {
  readonly system: ChaosSystem;
  readonly recoveries: RecoveryWatch;
  readonly seed: number;
  readonly kills: number;
  readonly say: (line: string) => void;
  /** Ends the run at once; it rejects then. */
  readonly signal: AbortSignal;
}

/**
 * Lets clients and faults loose on a service. Resolves when all faults have come and gone and every job has ended, or
 * should have long ago: then `over` ends what its clients still wait for.
 */
export async function breakUnderLoad(
  { system, seed, kills, say, signal }: ChaosRun,
  load: ChaosLoad,
  faults: FaultInjector,
  over: AbortController,
): Promise<void> {
  const lanes = new ClientLanes(load, seed);
  const stop = new AbortController();
  let settling: NodeJS.Timeout | undefined;
  const clients = async () => {
    try {
      await lanes.run();
      await Promise.all(load.jobs.filter(({ seesEnd }) => !seesEnd).map((job) => job.untilEnded()));
    } catch (error) {
      if (over.signal.aborted) return;
      stop.abort(error);
      throw error;
    }
  };
  const breakAll = async () => {
    try {
      await faults.inflict(planFaults(seed, kills), AbortSignal.any([signal, stop.signal]));
    } finally {
      lanes.stop();
    }
    await system.untilReady();
    settling = setTimeout(() => over.abort(), SETTLE_MS);
  };
  const progress = setInterval(() => {
    const ended = load.jobs.filter(({ seesEnd }) => seesEnd).length;
    say(`${faults.spans.length}/${kills} faults, ${load.jobs.length} jobs, ${ended} seen to end`);
  }, PROGRESS_MS);
  try {
    const outcomes = await Promise.allSettled([clients(), breakAll()]);
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  } finally {
    clearInterval(progress);
    clearTimeout(settling);
  }
}
