import type { LauncherSettings } from '#config';
import { variantDeviceOf } from '#contracts';
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
  'DROVER_API_PORT' | 'DROVER_API_HOST' | 'DROVER_MODEL' | 'DROVER_VARIANTS' | 'DROVER_DEVICE'
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
  const { DROVER_MODEL, DROVER_API_HOST, DROVER_API_PORT, DROVER_VARIANTS, DROVER_DEVICE } = settings;
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
      env: {
        REDIS_URL: redisUrl,
        DROVER_MODEL,
        DROVER_VARIANT: variant,
        DROVER_DEVICE: deviceOf(variant, DROVER_DEVICE),
      },
      serves: { redisUrl, model: DROVER_MODEL, variant },
    })),
  };
}

/** By `auto` only variants for GPUs claim one. */
function deviceOf(variant: string, setting: string): string {
  return setting === 'auto' && variantDeviceOf(variant) === 'cpu' ? 'cpu' : setting;
}
