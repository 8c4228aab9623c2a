import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLauncherSettings } from '#config';
import type { DroverClient } from '../../apps/cli/src/client/drover-client.js';
import type { Interrupts } from '../../apps/cli/src/supervision/interrupts.js';
import { freePort, LOOPBACK } from '../../apps/cli/src/system/ports.js';
import { startSystem } from '../../apps/cli/src/system/start-system.js';

export const VARIANT = '6_5';
/** Few, so that a short trace makes a line. */
export const SLOTS = 4;

/** Redis, the API and one worker of the default model, each a process of its own. */
export interface EtaSystem {
  readonly model: string;
  readonly baseUrl: string;
  readonly client: DroverClient;
  close(): Promise<void>;
}

export async function startEtaSystem(
  interrupts: Interrupts,
  say: (line: string) => void,
): Promise<EtaSystem> {
  // A supervised process has its parent's environment.
  process.env['DROVER_SLOTS'] = String(SLOTS);
  const settings = {
    // Never a Redis that is there already, nor one that others see.
    ...loadLauncherSettings({ ...process.env, REDIS_URL: '', DROVER_VARIANTS: VARIANT }),
    DROVER_API_HOST: LOOPBACK,
    DROVER_API_PORT: await freePort(),
  };
  const redisDataDir = await mkdtemp(join(tmpdir(), 'drover-eta-'));
  const removeData = () => rm(redisDataDir, { recursive: true, force: true });
  const system = await startSystem({
    settings,
    redisDataDir,
    apiKey: undefined,
    apiEnv: { DROVER_API_KEYS: '' },
    reports: {
      onLoudLine: (name, line) => say(`[${name}] ${line}`),
      onExit: (name, reason) => say(`[${name}] ended by itself (${reason})`),
      onRestart: (name) => say(`[${name}] started again`),
    },
    onStage: say,
    onBuildProgress: () => undefined,
    interrupts,
  }).catch(async (error: unknown) => {
    await removeData();
    throw error;
  });
  return {
    model: settings.DROVER_MODEL,
    baseUrl: system.baseUrl,
    client: system.client,
    async close() {
      await system.close();
      await removeData();
    },
  };
}
