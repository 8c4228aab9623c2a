import type { PagedRunner, PagedRunnerInfo } from '#engine';
import { DeviceError, parseDevice, type GpuDevice } from '../device.js';
import { Session } from '../ort/session.js';
import { requireAtLeast } from '../require-at-least.js';
import { BlockCopier } from './block-copier.js';
import { BlockPool, bytesPerBlock } from './block-pool.js';
import { asPoolError, checkPool } from './check-pool.js';
import { readPagedContract, type PagedContract } from './paged-contract.js';
import { OnnxPagedRunner } from './paged-runner.js';
import { tryPagedModel } from './try-paged-model.js';

/** Of a block: as many as the prefill kernel of WebGPU reads at once, and no more for little waste behind a text. */
const BLOCK_TOKENS = 32;

export interface PagedRunnerOptions {
  /** Path of the `model.onnx` of a variant for GPUs. */
  readonly modelPath: string;
  /** `webgpu[:n]` or `cuda[:n]`. */
  readonly device: string;
  /** Most rows of a step. */
  readonly sequences: number;
  /** Tokens of one sequence, at most what the model was made for. */
  readonly contextTokens: number;
  /** Most tokens of a step, at least two more than `sequences`. */
  readonly stepTokens: number;
  /** Most memory on the device for keys and values; default: what all sequences hold when full. */
  readonly kvCacheBytes?: number;
  /** Ends the loading or the run in progress; every later run rejects with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Loads a model, reserves its blocks on the device and tries the model once.
 *
 * @throws OrtError for a missing or broken model or a device without the room, ModelContractError for a model without
 *   blocks, DeviceError for a device that is no GPU or not there, RangeError for a bad number.
 */
export async function createPagedRunner(options: PagedRunnerOptions): Promise<PagedRunner> {
  const device = requireGpu(options.device);
  requireAtLeast(1, 'sequences', options.sequences);
  requireAtLeast(1, 'contextTokens', options.contextTokens);
  requireAtLeast(options.sequences + 2, 'stepTokens', options.stepTokens);
  options.signal?.throwIfAborted();
  const session = await Session.open(options.modelPath, { device, threads: 1 });
  const opened: { close(): void | Promise<void> }[] = [session];
  try {
    options.signal?.throwIfAborted();
    const contract = readPagedContract(session.inputs, session.outputs);
    const info = describe(options, contract);
    const memory = session.openDeviceMemory(device);
    opened.unshift(memory);
    // One block more than sequences may have, for what padding tokens write.
    const pool = new BlockPool(memory, contract.caches, info.blocks + 1, BLOCK_TOKENS);
    opened.unshift(pool);
    const copier = await BlockCopier.open(options.modelPath, pool, { device, threads: 1 });
    opened.unshift(copier);
    const runner = new OnnxPagedRunner({ session, memory, pool, copier, contract }, info, options.signal);
    // From here on the runner closes what it is made of.
    opened.splice(0, opened.length, runner);
    const mebibytes = Math.ceil(info.kvCacheBytes / 2 ** 20);
    const request = `${info.blocks} blocks (${mebibytes} MiB) on ${options.device}`;
    await tryPagedModel(runner).catch((error: unknown) => {
      throw asPoolError(error, request);
    });
    await checkPool(copier, contract.caches, 0, request);
    return runner;
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

function describe(
  options: PagedRunnerOptions,
  { vocabSize, topLogits, caches }: PagedContract,
): PagedRunnerInfo {
  const { sequences, contextTokens, stepTokens } = options;
  const blockBytes = bytesPerBlock(caches, BLOCK_TOKENS);
  const blocks = blocksOf(options, blockBytes);
  return {
    vocabSize,
    contextTokens,
    sequences,
    stepTokens,
    blockTokens: BLOCK_TOKENS,
    blocks,
    topLogits,
    kvCacheBytes: (blocks + 1) * blockBytes,
  };
}

function requireGpu(text: string): GpuDevice {
  const device = parseDevice(text);
  if (device.kind !== 'cpu') return device;
  throw new DeviceError(
    text,
    'variants for GPUs (`…-gpu`) need `webgpu` or `cuda`. On the CPU take the variant without `-gpu`.',
  );
}

function blocksOf(
  { sequences, contextTokens, kvCacheBytes }: PagedRunnerOptions,
  blockBytes: number,
): number {
  const whole = sequences * Math.ceil(contextTokens / BLOCK_TOKENS);
  if (kvCacheBytes === undefined) return whole;
  const blocks = Math.min(whole, Math.floor(kvCacheBytes / blockBytes) - 1);
  if (blocks >= 1) return blocks;
  throw new RangeError(
    `kvCacheBytes is ${kvCacheBytes}; two blocks of ${BLOCK_TOKENS} tokens take ${2 * blockBytes}, and it must hold them.`,
  );
}
