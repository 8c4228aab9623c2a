import { formatDevice } from '#onnx-runner';
import type { JobWorker } from '#queue';
import type { WorkerContext } from '../worker-context.js';
import { Heartbeat } from './heartbeat.js';

/** With Redis away there is nobody to tell: the registry forgets the worker by itself. */
const WITHDRAW_MS = 500;

/** Starts to tell the registry in Redis about this worker. */
export function openHeartbeat(worker: WorkerContext, jobs: JobWorker): Heartbeat {
  const { settings, workerId, device, variant, state, metrics, logger, drain } = worker;
  const heartbeat = new Heartbeat({
    takeReading: () => ({
      workerId,
      model: settings.DROVER_MODEL,
      variant: settings.DROVER_VARIANT,
      device: formatDevice(device.device),
      gpu: device.gpu,
      contextTokens: variant.contextTokens,
      slots: settings.DROVER_SLOTS,
      slotsUsed: jobs.activeCount,
      bitsPerWeight: variant.bitsPerWeight,
      memoryBytes: process.memoryUsage.rss(),
      tokensPerSecond: metrics.tokensPerSecond(),
      decodeTokensPerSecond: metrics.speeds.decodeTokensPerSecond(),
      prefillTokensPerSecond: metrics.speeds.prefillTokensPerSecond(),
      status: state.status,
      startedAtMs: state.startedAtMs,
      lastSeenMs: Date.now(),
    }),
    publish: (reading) => jobs.publishHeartbeat(reading),
    withdraw: () => jobs.withdrawHeartbeat(workerId),
    onPublished: () => state.redisAnswered(Date.now()),
    onError: (err) => logger.warn({ err }, 'heartbeat was not taken'),
  });
  drain.onDrain('heartbeat', () => heartbeat.stop(), WITHDRAW_MS);
  return heartbeat;
}
