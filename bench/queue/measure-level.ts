import type { Interrupts } from '../../apps/cli/src/supervision/interrupts.js';
import { fillBacklog } from './backlog.js';
import { BACKLOG_VARIANT, startBenchSystem, type BenchSystem } from './bench-system.js';
import type { EngineReference } from './engine-reference.js';
import { DRAINED_JOBS, measureDrain, type DrainFigures } from './measure-drain.js';
import { measureService, type ServiceFigures } from './measure-service.js';
import { RedisProbe } from './redis-probe.js';
import { receiveWebhooks, type WebhookArrivals } from './webhook-arrivals.js';

/** What the service costs while `waiting` jobs wait. */
export interface LevelFigures extends ServiceFigures, DrainFigures {
  readonly waiting: number;
  /** Submissions a second, many at once, that put the last jobs in line. */
  readonly submitsPerS: number;
  readonly redisBytesPerWaitingJob: number;
  readonly redisBytesPerFinishedJob: number;
}

export interface LevelOptions {
  readonly engine: EngineReference;
  readonly samples: number;
  readonly interrupts: Interrupts;
  readonly say: (line: string) => void;
}

/** Every level has a new system, so that none inherits the state or the warmth of another. */
export async function measureLevel(waiting: number, options: LevelOptions): Promise<LevelFigures> {
  options.say(`${waiting} waiting: starting Redis, API and worker`);
  const system = await startBenchSystem(options.interrupts, options.say);
  const probe = new RedisProbe(system.redisUrl);
  const webhooks = await receiveWebhooks();
  try {
    return await measure(waiting, { ...options, system, probe, webhooks });
  } finally {
    probe.close();
    await webhooks.close();
    await system.close();
  }
}

interface LevelParts extends LevelOptions {
  readonly system: BenchSystem;
  readonly probe: RedisProbe;
  readonly webhooks: WebhookArrivals;
}

async function measure(waiting: number, parts: LevelParts): Promise<LevelFigures> {
  const { system, probe, engine, webhooks, samples, say } = parts;
  const signal = parts.interrupts.drain;
  const usedBytes = () => probe.usedBytes(signal);
  const fill = async (jobs: number) => {
    const before = await usedBytes();
    const submitsPerS = await fillBacklog(jobs, { ...system, engine }, signal);
    return { submitsPerS, bytes: (await usedBytes()) - before };
  };

  say(`${waiting} waiting: putting them in line`);
  const backlog = await fill(waiting);
  say(`${waiting} waiting: ${samples} samples of submissions, first tokens, webhooks and cancels`);
  const service = await measureService({ system, engine, webhooks, samples, signal });

  say(`${waiting} waiting: an instant worker takes ${DRAINED_JOBS} of them and more`);
  await system.stopWorker();
  const drained = await fill(DRAINED_JOBS);
  const bytesPerWaiting = (backlog.bytes + drained.bytes) / (waiting + DRAINED_JOBS);
  const waitingBytes = await usedBytes();
  const drain = await measureDrain({ system, probe, samples, signal });
  const finished = await probe.succeeded({ model: system.model, variant: BACKLOG_VARIANT });
  const bytesPerFinished = bytesPerWaiting + ((await usedBytes()) - waitingBytes) / finished;
  return {
    waiting,
    ...service,
    ...drain,
    submitsPerS: drained.submitsPerS,
    redisBytesPerWaitingJob: bytesPerWaiting,
    redisBytesPerFinishedJob: bytesPerFinished,
  };
}
