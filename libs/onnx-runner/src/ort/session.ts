import { existsSync } from 'node:fs';
import { ortEnvironment } from './environment.js';
import { asDeviceError } from './execution-provider.js';
import { OrtError } from './ort-error.js';
import { checkStatus, createHandle, filled, ortApi, type Out, type Pointer, type Status } from './ort-api.js';
import { pointerArray, stringArray, type PointerArray } from './native-memory.js';
import { readTensorInfos, type TensorInfo } from './session-metadata.js';
import { withSessionOptions, type SessionOptions } from './session-options.js';
import type { Device, GpuDevice } from '../device.js';
import { DeviceMemory } from './device-memory.js';
import type { TensorValue } from './tensor.js';

/**
 * The inputs and outputs of a run, in native form. Outputs are preallocated: the run writes into them. One binding
 * serves any number of runs; its tensors must stay open while it is in use.
 */
export interface RunBinding {
  readonly inputNames: PointerArray;
  readonly inputs: PointerArray;
  readonly outputNames: PointerArray;
  readonly outputs: PointerArray;
}

export type NamedTensors = Readonly<Record<string, TensorValue>>;

/** How a run is carried out: on this thread, or on one of libuv's while this one goes on. */
export type RunMode = 'blocking' | 'background';

/** A loaded model. One run at a time. */
export class Session {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #device: Device;
  #handle: Pointer | undefined;
  #inFlight: InFlightRun | undefined;

  /**
   * Loads a model from its path; weights in external files beside it are mapped, not read. Loading runs on
   * another thread.
   *
   * @throws OrtError for a missing or broken model, DeviceError for a device that this machine lacks.
   */
  static async open(modelPath: string, options: SessionOptions): Promise<Session> {
    if (!existsSync(modelPath)) {
      throw new OrtError('NO_SUCHFILE', `load model ${modelPath}`, 'the file is not there');
    }
    try {
      return new Session(await createSession(modelPath, options), options.device);
    } catch (error) {
      throw asDeviceError(options.device, error);
    }
  }

  private constructor(handle: Pointer, device: Device) {
    this.#handle = handle;
    this.#device = device;
    this.inputs = readTensorInfos(handle, 'Input');
    this.outputs = readTensorInfos(handle, 'Output');
  }

  /** Memory of the device that the session runs on, to be closed before the session. */
  openDeviceMemory(device: GpuDevice): DeviceMemory {
    if (this.#handle === undefined) throw new Error('The session is closed.');
    return new DeviceMemory(this.#handle, device);
  }

  bind(inputs: NamedTensors, outputs: NamedTensors): RunBinding {
    const handles = (tensors: NamedTensors) =>
      pointerArray(
        Object.values(tensors).map((tensor) => tensor.handle),
        Object.values(tensors),
      );
    return {
      inputNames: stringArray(Object.keys(inputs)),
      inputs: handles(inputs),
      outputNames: stringArray(Object.keys(outputs)),
      outputs: handles(outputs),
    };
  }

  /**
   * @throws OrtError also when `terminate` stops the run, DeviceError for a model that the device cannot run.
   */
  async run(binding: RunBinding, mode: RunMode): Promise<void> {
    if (this.#handle === undefined) throw new Error('The session is closed.');
    if (this.#inFlight !== undefined) throw new Error('A run is in progress; a session runs one at a time.');
    const api = ortApi();
    // Its own options for each run: a terminated one can not be used again.
    const options = createHandle('make run options', (out) => api.CreateRunOptions(out));
    const finished = runModel(this.#handle, options, binding, mode);
    this.#inFlight = { options, binding, finished };
    try {
      await finished;
    } catch (error) {
      throw asDeviceError(this.#device, error);
    } finally {
      this.#inFlight = undefined;
      api.ReleaseRunOptions(options);
    }
  }

  /** Makes the run in progress fail soon, between two operators. Without one it does nothing. */
  terminate(): void {
    if (this.#inFlight === undefined) return;
    checkStatus(ortApi().RunOptionsSetTerminate(this.#inFlight.options), 'terminate a run');
  }

  /** Refuses new runs, terminates the one in progress, waits for it, and frees the model. May be called again. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.terminate();
    await this.#inFlight?.finished.catch(() => undefined);
    if (handle !== undefined) ortApi().ReleaseSession(handle);
  }
}

interface InFlightRun {
  readonly options: Pointer;
  /** Held so that the memory under the run is not collected before it ends. */
  readonly binding: RunBinding;
  readonly finished: Promise<void>;
}

async function runModel(
  session: Pointer,
  options: Pointer,
  { inputNames, inputs, outputNames, outputs }: RunBinding,
  mode: RunMode,
): Promise<void> {
  const args = [
    session,
    options,
    inputNames.address,
    inputs.address,
    inputs.count,
    outputNames.address,
    outputs.count,
    outputs.address,
  ] as const;
  const operation = 'run the model';
  if (mode === 'blocking') checkStatus(ortApi().Run(...args), operation);
  else await inBackground(operation, (done) => ortApi().Run.async(...args, done));
}

async function createSession(modelPath: string, options: SessionOptions): Promise<Pointer> {
  const operation = `load model ${modelPath}`;
  const environment = ortEnvironment();
  const out: Out<Pointer> = [null];
  await withSessionOptions(options, (nativeOptions) =>
    inBackground(operation, (done) =>
      ortApi().CreateSession.async(environment, modelPath, nativeOptions, out, done),
    ),
  );
  return filled(out, operation);
}

type StatusCallback = (error: Error | null, status: Status) => void;

async function inBackground(operation: string, call: (done: StatusCallback) => void): Promise<void> {
  const status = await new Promise<Status>((resolve, reject) => {
    call((error, result) => (error === null ? resolve(result) : reject(error)));
  });
  checkStatus(status, operation);
}
