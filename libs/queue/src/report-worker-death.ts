import type { WorkerDeath } from '#contracts';
import type { Logger } from '#observability';
import { RedisJobLifecycle } from './job-lifecycle.js';
import type { HeldJob } from './queue.types.js';
import { connectRedis, orUnavailable, whenReady } from './redis-connection.js';

const CONNECT_TIMEOUT_MS = 2_000;

/** What a supervisor knows of a worker process that is gone. */
export interface WorkerDeathReport extends Omit<WorkerDeath, 'jobsInStep'> {
  readonly model: string;
  readonly variant: string;
  /** The death came from within, so the jobs of its last step are to blame. */
  readonly blamed: boolean;
  /** Ids of the jobs in the worker's last step. */
  readonly jobsInStep: readonly string[];
  /** Every attempt that the worker held. */
  readonly jobsHeld: readonly HeldJob[];
}

/**
 * Files the death of a worker: its jobs are free for others at once, and those of its last step have it noted where
 * they are to blame. Only for a process that is certainly gone. Filing a report again changes nothing.
 * @returns ids of the jobs on which it was noted; the others have moved on
 * @throws DroverError `queue_unavailable` while Redis is away
 */
export async function reportWorkerDeath(
  redisUrl: string,
  report: WorkerDeathReport,
  logger?: Logger,
): Promise<readonly string[]> {
  const redis = connectRedis(redisUrl, 'api', logger);
  try {
    await whenReady(redis, CONNECT_TIMEOUT_MS);
    const lifecycle = new RedisJobLifecycle(redis);
    const noted = await orUnavailable(() =>
      Promise.all(report.jobsHeld.map((held) => lifecycle.noteDeath(report, held, deathOf(report, held)))),
    );
    return report.jobsHeld.filter((_, i) => noted[i] === 'noted').map(({ jobId }) => jobId);
  } finally {
    redis.disconnect();
  }
}

/** Null where this job has nothing to do with it. */
function deathOf(report: WorkerDeathReport, { jobId }: HeldJob): WorkerDeath | null {
  if (!report.blamed || !report.jobsInStep.includes(jobId)) return null;
  const { workerId, atMs, signal, exitCode, memoryBytes, lastStep, jobsInStep } = report;
  return { workerId, atMs, signal, exitCode, memoryBytes, lastStep, jobsInStep: jobsInStep.length };
}
