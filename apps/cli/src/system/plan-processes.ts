import type { LauncherSettings } from '#config';
import type { WitnessedWorker } from '../supervision/death-witness.js';
import type { ProcessSpec } from '../supervision/supervised-process.js';

export interface ProcessPlan {
  readonly api: ProcessSpec;
  /** One for each variant. */
  readonly workers: readonly (ProcessSpec & { readonly serves: WitnessedWorker })[];
}

/** Programs of the API and of the worker, compiled. */
export interface Programs {
  readonly api: string;
  readonly worker: string;
}

export type PlanSettings = Pick<
  LauncherSettings,
  'DROVER_API_PORT' | 'DROVER_API_HOST' | 'DROVER_MODEL' | 'DROVER_VARIANTS'
>;

/**
 * Which processes make up the system, and what each is told on top of the launcher's own environment (an empty
 * value unsets a variable).
 */
export function planProcesses(
  settings: PlanSettings,
  redisUrl: string,
  programs: Programs,
  apiEnv: Readonly<Record<string, string>> = {},
): ProcessPlan {
  const { DROVER_MODEL, DROVER_API_HOST, DROVER_API_PORT, DROVER_VARIANTS } = settings;
  return {
    api: {
      name: 'api',
      program: programs.api,
      env: {
        REDIS_URL: redisUrl,
        DROVER_API_PORT: String(DROVER_API_PORT),
        ...(DROVER_API_HOST === undefined ? {} : { DROVER_API_HOST }),
        ...apiEnv,
      },
    },
    workers: DROVER_VARIANTS.map((variant) => ({
      name: `worker-${variant}`,
      program: programs.worker,
      env: { REDIS_URL: redisUrl, DROVER_MODEL, DROVER_VARIANT: variant },
      serves: { redisUrl, model: DROVER_MODEL, variant },
    })),
  };
}
