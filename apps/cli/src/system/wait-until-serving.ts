import { setTimeout as sleep } from 'node:timers/promises';
import type { LauncherSettings } from '#config';
import type { DroverClient, ServedModel } from '../client/drover-client.js';
import type { SupervisedProcess } from '../supervision/supervised-process.js';

export interface ServingQuestion {
  readonly client: DroverClient;
  readonly settings: Pick<LauncherSettings, 'DROVER_MODEL' | 'DROVER_VARIANTS'>;
  readonly processes: readonly SupervisedProcess[];
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/** Large models take a while to load. */
const READY_WITHIN_MS = 120_000;
const POLL_MS = 100;

/**
 * Resolves when the API is ready and every variant has a live worker. Rejects when a process ends for good or time
 * runs out, with the last lines of whoever is to blame.
 */
export async function waitUntilServing(question: ServingQuestion): Promise<void> {
  const { client, processes, signal, timeoutMs = READY_WITHIN_MS } = question;
  const deadlineMs = Date.now() + timeoutMs;
  let missing = ['the API'];
  while (missing.length > 0) {
    signal.throwIfAborted();
    const ended = processes.find((process) => process.ended);
    if (ended !== undefined) throw new Error(`${ended.name} did not start. ${describeEnd([ended])}`);
    if (Date.now() > deadlineMs) {
      throw new Error(
        `${missing.join(', ')} not ready within ${timeoutMs / 1000} s. ${describeEnd(processes)}`,
      );
    }
    missing = await stillMissing(client, question.settings, signal);
    if (missing.length > 0) await sleep(POLL_MS, undefined, { signal });
  }
}

async function stillMissing(
  client: DroverClient,
  { DROVER_MODEL, DROVER_VARIANTS }: ServingQuestion['settings'],
  signal: AbortSignal,
): Promise<string[]> {
  if (!(await client.isReady(signal))) return ['the API'];
  return variantsWithoutWorker(await client.models(signal), DROVER_MODEL, DROVER_VARIANTS).map(
    (variant) => `worker-${variant}`,
  );
}

/** Those of the variants that no live worker serves. */
export function variantsWithoutWorker(
  models: readonly ServedModel[],
  model: string,
  variants: readonly string[],
): string[] {
  const served = models.find(({ id }) => id === model)?.variants ?? [];
  const live = served.filter(({ workers }) => workers.live > 0).map(({ variant }) => variant);
  return variants.filter((variant) => !live.includes(variant));
}

function describeEnd(processes: readonly SupervisedProcess[]): string {
  return processes
    .map(({ name, logPath, lastLines }) =>
      [`Last lines of ${name} (all in ${logPath}):`, ...lastLines].join('\n    '),
    )
    .join('\n');
}
