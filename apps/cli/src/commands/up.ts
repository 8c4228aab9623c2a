import { join } from 'node:path';
import { loadApiSettings, loadLauncherSettings, type ApiSettings, type LauncherSettings } from '#config';
import { screenReports } from '../output/screen-reports.js';
import { showBuildProgress } from '../output/build-progress.js';
import type { Terminal } from '../output/terminal.js';
import { aborted, FORCED_EXIT_CODE, watchInterrupts } from '../supervision/interrupts.js';
import { fitVariants } from '../system/fit-variants.js';
import { freePort } from '../system/ports.js';
import { startSystem, type RunningSystem } from '../system/start-system.js';

/** `drover up`: starts the whole system and keeps it running until it is interrupted. */
export async function up(terminal: Terminal): Promise<number> {
  const startedAtMs = Date.now();
  const interrupts = watchInterrupts();
  const settings = await settingsWithPort();
  const apiSettings = loadApiSettings();
  const apiKey = apiSettings.DROVER_API_KEYS[0];
  let system: RunningSystem;
  try {
    system = await startSystem({
      settings,
      redisDataDir: join(settings.DROVER_DATA_DIR, 'redis'),
      apiKey,
      apiEnv: allowLoopbackWebhooks(apiSettings),
      reports: screenReports(terminal, join(settings.DROVER_DATA_DIR, 'logs')),
      onStage: (stage) => terminal.line(stage),
      onBuildProgress: showBuildProgress(terminal),
      interrupts,
    });
  } catch (error) {
    if (!interrupts.drain.aborted) throw error;
    return interrupts.force.aborted ? FORCED_EXIT_CODE : 0;
  }
  summarize(terminal, system, settings, apiKey !== undefined, Date.now() - startedAtMs);
  await aborted(interrupts.drain);
  terminal.line('\nDraining: running jobs finish first. Ctrl-C again ends everything at once.');
  await system.close();
  if (interrupts.force.aborted) return FORCED_EXIT_CODE;
  terminal.line('Stopped.');
  return 0;
}

/** Who tries the service has the receiver on the same machine; in production nobody should. */
function allowLoopbackWebhooks({ NODE_ENV, DROVER_WEBHOOK_ALLOW }: ApiSettings): Record<string, string> {
  if (NODE_ENV === 'production') return {};
  return { DROVER_WEBHOOK_ALLOW: ['127.0.0.0/8', '::1', ...DROVER_WEBHOOK_ALLOW].join(',') };
}

async function settingsWithPort(): Promise<LauncherSettings> {
  const settings = await fitVariants(loadLauncherSettings());
  if (settings.DROVER_API_PORT !== 0) return settings;
  return { ...settings, DROVER_API_PORT: await freePort() };
}

function summarize(
  terminal: Terminal,
  { baseUrl }: RunningSystem,
  settings: LauncherSettings,
  needsKey: boolean,
  tookMs: number,
): void {
  const { DROVER_MODEL: model, DROVER_VARIANTS: variants, DROVER_DATA_DIR: dataDir } = settings;
  const key = needsKey ? " -H 'authorization: Bearer YOUR_KEY'" : '';
  const job = {
    model,
    input: { messages: [{ role: 'user', content: 'What is 27 + 58?' }], temperature: 0 },
  };
  terminal.heading(`Drover is ready (${(tookMs / 1000).toFixed(1)} s).`);
  terminal.table([
    ['API', baseUrl],
    ['Docs', `${baseUrl}/docs`],
    ['Metrics', `${baseUrl}/metrics`],
    ['Model', `${model}, variants ${variants.join(', ')}`],
    ['Device', settings.DROVER_DEVICE],
    ['Logs', join(dataDir, 'logs')],
  ]);
  terminal.heading('Ask it something:');
  terminal.line(
    `  curl -s '${baseUrl}/v1/jobs?wait=30'${key} -H 'content-type: application/json' -d '${JSON.stringify(job)}'`,
  );
  terminal.heading('See the tokens as they come:');
  terminal.line(`  npm run -s drover -- submit --stream --url ${baseUrl} "Count from 1 to 30."`);
  terminal.line(`  curl -N${key} ${baseUrl}/v1/jobs/JOB_ID/events`);
  terminal.line('\nCtrl-C drains and stops it all.');
}
