import { setTimeout as sleep } from 'node:timers/promises';
import { HEARTBEAT_TTL_MS } from '#contracts';
import type { Logger } from '#observability';
import type { Gpu } from '#onnx-runner';
import type { GpuClaims, GpuHolder } from '#queue';
import { EXIT_CODES, StartupError } from '../lifecycle/exit-codes.js';

export interface GpuClaimRequest {
  readonly claims: Pick<GpuClaims, 'claimFirstFree'>;
  /** Best first. */
  readonly gpus: readonly Gpu[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Default: twice as long as the claim of a dead worker stands. */
  readonly waitMs?: number;
}

const ASK_AGAIN_MS = 1_000;

/**
 * Claims the best GPU that is free, and waits a while for one.
 * @throws StartupError that lists who holds what, once the time is over; the signal's reason when it aborts
 */
export async function claimGpu(request: GpuClaimRequest): Promise<Gpu> {
  const { claims, gpus, logger, signal, waitMs = 2 * HEARTBEAT_TTL_MS } = request;
  const giveUpAtMs = performance.now() + waitMs;
  for (let asked = 0; ; asked++) {
    const outcome = await claims.claimFirstFree(gpus.map(({ uuid }) => uuid));
    if (outcome.kind === 'claimed') return gpus.find(({ uuid }) => uuid === outcome.uuid)!;
    const held = describeHolders(gpus, outcome.holders);
    if (performance.now() >= giveUpAtMs) {
      throw new StartupError(
        EXIT_CODES.devicesHeld,
        `DROVER_DEVICE=auto: every GPU of this host is held: ${held}. Stop one of these workers, start fewer, or ` +
          'name a device to share it.',
      );
    }
    if (asked === 0) logger.info({ held }, 'every GPU is held; waiting for one');
    await sleep(ASK_AGAIN_MS, undefined, { signal });
  }
}

/** `NVIDIA L4 (a5e1c2f0-…) by worker w1 (drover-tiny:6_5)` */
function describeHolders(gpus: readonly Gpu[], holders: readonly GpuHolder[]): string {
  return holders
    .map(({ workerId, model, variant }, index) => {
      const gpu = gpus[index];
      return `${gpu?.name ?? ''} (${gpu?.uuid ?? ''}) by worker ${workerId} (${model}:${variant})`;
    })
    .join(', ');
}
