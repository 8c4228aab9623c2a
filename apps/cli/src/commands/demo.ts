import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLauncherSettings, type LauncherSettings } from '#config';
import { showFigures, showStream, showVariants, showWebhook } from '../demo/scenes.js';
import { showBuildProgress } from '../output/build-progress.js';
import { quietReports } from '../output/screen-reports.js';
import type { Terminal } from '../output/terminal.js';
import { FORCED_EXIT_CODE, watchInterrupts, type Interrupts } from '../supervision/interrupts.js';
import { fitVariants } from '../system/fit-variants.js';
import { freePort, LOOPBACK } from '../system/ports.js';
import { startSystem } from '../system/start-system.js';

/** The first start may have variants to build. */
const START_WITHIN_MS = 300_000;
const SHOW_WITHIN_MS = 120_000;

/** `drover demo`: the whole system on free ports, shown and stopped. Returns 0 when every part of it worked. */
export async function demo(terminal: Terminal): Promise<number> {
  const interrupts = watchInterrupts();
  const redisDataDir = await mkdtemp(join(tmpdir(), 'drover-demo-'));
  try {
    await show(terminal, interrupts, redisDataDir);
    terminal.line('\nAll of it worked. `npm start` keeps it running.');
    return 0;
  } catch (error) {
    if (interrupts.force.aborted) return FORCED_EXIT_CODE;
    throw error;
  } finally {
    await rm(redisDataDir, { recursive: true, force: true });
  }
}

async function show(terminal: Terminal, interrupts: Interrupts, redisDataDir: string): Promise<void> {
  const startedAtMs = Date.now();
  const settings = await demoSettings();
  const system = await startSystem({
    settings,
    redisDataDir,
    apiKey: undefined,
    apiEnv: DEMO_API_ENV,
    reports: quietReports(terminal, join(settings.DROVER_DATA_DIR, 'logs')),
    onStage: (stage) => terminal.line(stage),
    onBuildProgress: showBuildProgress(terminal),
    interrupts: { ...interrupts, drain: within(START_WITHIN_MS, interrupts.drain) },
  });
  try {
    terminal.line(`Ready at ${system.baseUrl} after ${((Date.now() - startedAtMs) / 1000).toFixed(1)} s`);
    const stage = {
      client: system.client,
      model: settings.DROVER_MODEL,
      variants: settings.DROVER_VARIANTS,
      terminal,
      signal: within(SHOW_WITHIN_MS, interrupts.drain),
    };
    await showStream(stage);
    await showWebhook(stage);
    await showVariants(stage);
    await showFigures(stage);
  } finally {
    await system.close();
  }
}

/** Empty unsets: the demo has no keys, and its receiver is on this machine. */
const DEMO_API_ENV = { DROVER_API_KEYS: '', DROVER_WEBHOOK_ALLOW_PRIVATE: '1' };

async function demoSettings(): Promise<LauncherSettings> {
  const settings = await fitVariants(loadLauncherSettings());
  return { ...settings, DROVER_API_HOST: LOOPBACK, DROVER_API_PORT: await freePort() };
}

function within(timeoutMs: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
}
