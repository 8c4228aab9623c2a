import { constants } from 'node:os';
import type { WorkerSettings } from '#config';
import { createLogger } from '#observability';
import { DeathWitness } from './death-witness.js';
import type { ProcessExit } from './restart-policy.js';
import { SupervisedProcess } from './supervised-process.js';

const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
const FIRST_SIGNAL_CODE = 128;

/**
 * Runs one worker under a witness: signals are passed on to it, what it prints goes where this process prints, and it is
 * started again where it dies. Resolves, once it has ended for good, with the exit code to end with: the worker's own.
 * @param program the worker's, compiled.
 */
export async function superviseWorker(settings: WorkerSettings, program: string): Promise<number> {
  const { REDIS_URL: redisUrl, DROVER_MODEL: model, DROVER_VARIANT: variant } = settings;
  const logger = createLogger('drover-supervisor', settings.DROVER_LOG_LEVEL);
  const witness = new DeathWitness({ redisUrl, model, variant }, (line) => logger.warn(line));
  const worker = new SupervisedProcess({ name: 'worker', program, env: {}, witness }, null, {
    onLoudLine: () => undefined,
    onExit: (_name, reason, _lastLines, delayMs) =>
      logger.error({ reason, restartInMs: delayMs }, 'the worker ended by itself'),
    onRestart: (_name, pid) => logger.info({ pid }, 'the worker was started again'),
  });
  for (const signal of PASSED_ON) process.on(signal, () => worker.forward(signal));
  return exitCodeOf(await worker.start());
}

function exitCodeOf(exit: ProcessExit): number {
  if (exit.kind === 'code') return exit.code;
  const found = Object.entries(constants.signals).find(([name]) => name === exit.signal);
  return FIRST_SIGNAL_CODE + (found?.[1] ?? 0);
}
