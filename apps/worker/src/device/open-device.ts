import type { WorkerSettings } from '#config';
import { variantDeviceOf, type GpuInfo } from '#contracts';
import type { Logger } from '#observability';
import {
  describeGpu,
  DeviceError,
  formatDevice,
  listGpus,
  type Device,
  type Gpu,
  type GpuLister,
} from '#onnx-runner';
import { GpuClaims } from '#queue';
import { EXIT_CODES, StartupError } from '../lifecycle/exit-codes.js';
import type { GracefulDrain } from '../lifecycle/graceful-drain.js';
import { chooseDevice, type DeviceChoice } from './choose-device.js';
import { claimGpu } from './claim-gpu.js';

/** What a worker runs on. */
export interface WorkerDevice {
  readonly device: Device;
  /** Null on the CPU, and where the GPU cannot be looked at. */
  readonly gpu: GpuInfo | null;
}

export interface DeviceRequest {
  readonly settings: WorkerSettings;
  readonly workerId: string;
  readonly logger: Logger;
  readonly drain: GracefulDrain;
}

/** Giving a GPU back must not hold up an exit; the claim runs out by itself. */
const GIVE_BACK_MS = 500;

/**
 * Finds the device that DROVER_DEVICE names, and tells other workers of this host that it is taken; `auto` takes one
 * that nobody has.
 * @throws StartupError where there is none for this variant
 */
export async function openDevice(
  request: DeviceRequest,
  lister: GpuLister = listGpus,
): Promise<WorkerDevice> {
  const { DROVER_DEVICE: setting, DROVER_VARIANT: variant } = request.settings;
  const choice = await choose(request, lister);
  if (choice.kind !== 'cpu')
    return choice.kind === 'named' ? openNamed(request, choice) : openAny(request, choice.gpus);
  if (variantDeviceOf(variant) === 'gpu') {
    throw new StartupError(
      EXIT_CODES.device,
      `DROVER_DEVICE=${setting}: variant ${variant} runs on GPUs only, and this worker has none. Serve a variant ` +
        'without `-gpu` in its name.',
    );
  }
  if (setting === 'auto') request.logger.info('DROVER_DEVICE=auto: no GPU on this machine, using the CPU');
  return { device: { kind: 'cpu' }, gpu: null };
}

async function choose({ settings, logger }: DeviceRequest, lister: GpuLister): Promise<DeviceChoice> {
  const { DROVER_DEVICE: setting } = settings;
  if (setting === 'cpu') return { kind: 'cpu' };
  const { gpus, problems } = await lister();
  for (const problem of problems) logger.warn({ problem }, 'not every GPU could be looked at');
  try {
    return chooseDevice(setting, gpus);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    throw new StartupError(EXIT_CODES.device, `DROVER_DEVICE=${setting}: ${error.message}`, error);
  }
}

function openNamed(
  request: DeviceRequest,
  { device, gpu }: Extract<DeviceChoice, { kind: 'named' }>,
): WorkerDevice {
  // `auto` never takes a device in software, so nobody need know.
  if (gpu !== null && gpu.kind !== 'software') openClaims(request).claims.share(gpu.uuid);
  return { device, gpu: gpu && describeGpu(gpu) };
}

async function openAny(request: DeviceRequest, gpus: readonly Gpu[]): Promise<WorkerDevice> {
  const { claims, signal } = openClaims(request);
  const gpu = await claimGpu({ claims, gpus, logger: request.logger, signal });
  const [device] = gpu.devices;
  request.logger.info({ device: formatDevice(device), gpu: gpu.name, uuid: gpu.uuid }, 'GPU claimed');
  return { device, gpu: describeGpu(gpu) };
}

function openClaims({ settings, workerId, logger, drain }: DeviceRequest) {
  const leaving = new AbortController();
  const claims = new GpuClaims({
    redisUrl: settings.REDIS_URL,
    holder: {
      workerId,
      model: settings.DROVER_MODEL,
      variant: settings.DROVER_VARIANT,
      sinceMs: Date.now(),
    },
    logger,
  });
  const close = () => {
    leaving.abort(new Error('The worker is leaving.'));
    return claims.close();
  };
  drain.onDrain('claim on the GPU', close, GIVE_BACK_MS);
  return { claims, signal: leaving.signal };
}
