import type { WorkerSettings } from '#config';
import { createWorkerMetrics, type Logger, type WorkerMetrics } from '#observability';
import { openFlightFile } from './flight/flight-file.js';
import { FlightRecorder } from './flight/flight-recorder.js';
import { GenerationMetrics } from './generation/generation-metrics.js';
import type { WorkerDevice } from './device/open-device.js';
import { showDevice } from './device/show-device.js';
import type { GracefulDrain } from './lifecycle/graceful-drain.js';
import { ModelSoundness } from './lifecycle/model-soundness.js';
import type { PinnedVariant } from './lifecycle/startup-checks.js';
import { WorkerState } from './lifecycle/worker-state.js';

/** What a worker knows before its first part is opened. */
export interface WorkerFacts {
  readonly settings: WorkerSettings;
  readonly workerId: string;
  readonly device: WorkerDevice;
  readonly variant: PinnedVariant;
  readonly logger: Logger;
  readonly drain: GracefulDrain;
  /** Ends the process where its model fails one job after another; called once at most. */
  readonly leaveUnsound: () => void;
}

/** What the parts of a worker share. */
export interface WorkerContext extends WorkerFacts {
  readonly state: WorkerState;
  readonly workerMetrics: WorkerMetrics;
  /** Feeds `workerMetrics`. */
  readonly metrics: GenerationMetrics;
  readonly flight: FlightRecorder;
  readonly soundness: ModelSoundness;
}

export function createWorkerContext(facts: WorkerFacts): WorkerContext {
  const { DROVER_MODEL, DROVER_VARIANT, DROVER_FLIGHT_RECORD } = facts.settings;
  const state = new WorkerState();
  const workerMetrics = createWorkerMetrics(DROVER_MODEL, DROVER_VARIANT);
  showDevice(workerMetrics, facts.device);
  const flight = new FlightRecorder(facts.workerId, openFlightFile(DROVER_FLIGHT_RECORD));
  facts.drain.onDrain('flight record', () => flight.close());
  const soundness = new ModelSoundness(({ reason, cause }) => {
    facts.logger.error({ reason, err: cause }, 'the model fails one job after another, the worker leaves');
    facts.leaveUnsound();
  });
  return { ...facts, state, workerMetrics, metrics: new GenerationMetrics(workerMetrics), flight, soundness };
}
