import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'vitest';
import type { PagedRow, PagedRunner, TokenLogits } from '#engine';
import { LlamaCheckpoint, buildLlamaGraph, encodeOnnxModel, planBits, writeWeights } from '#quantizer';
import { DeviceError } from '../device.js';
import { evaluateLogits } from '../evaluate-logits.js';
import { createPagedRunner, type PagedRunnerOptions } from './create-paged-runner.js';

export const CONTEXT_TOKENS = 128;
const BLOCKS_PER_SEQUENCE = CONTEXT_TOKENS / 32;

/** Skips the test where there is no WebGPU adapter, or none with 16-bit floats, and says why. */
export async function openPaged(
  directory: string,
  skip: TestContext['skip'],
  options: Partial<PagedRunnerOptions> = {},
): Promise<PagedRunner> {
  const modelPath = join(directory, 'model.onnx');
  const shape = { sequences: 6, contextTokens: CONTEXT_TOKENS, stepTokens: 96 };
  return createPagedRunner({ modelPath, device: 'webgpu', ...shape, ...options }).catch((error: unknown) => {
    if (!(error instanceof DeviceError)) throw error;
    return skip(`no WebGPU here: ${error.message}`);
  });
}

/** Blocks of a sequence of its own; neighbours in the table are no neighbours in the pool. */
export function blocksOf(sequence: number): number[] {
  return Array.from({ length: BLOCKS_PER_SEQUENCE }, (_, index) => index * 6 + sequence);
}

export function row(
  sequence: number,
  startPosition: number,
  tokenIds: Iterable<number>,
  rest: Partial<PagedRow> = {},
): PagedRow {
  const tokens = Int32Array.from(tokenIds);
  return {
    blocks: blocksOf(sequence),
    tokenIds: tokens,
    startPosition,
    logitPositions: 1,
    logits: 'full',
    ...rest,
  };
}

export async function fullRows(
  runner: PagedRunner,
  rows: readonly PagedRow[],
  exact = false,
): Promise<Float32Array[]> {
  const answers = await runner.run({ rows, exact });
  return answers.flat().map((answer) => requireFull(answer).slice());
}

export function requireFull(answer: TokenLogits | undefined): Float32Array {
  if (answer instanceof Float32Array) return answer;
  throw new TypeError('This is no full row.');
}

export function requireTop(answer: TokenLogits | undefined): Exclude<TokenLogits, Float32Array> {
  if (answer !== undefined && !(answer instanceof Float32Array)) return answer;
  throw new TypeError('These are no top logits.');
}

export function largestDifference(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) throw new RangeError(`${one.length} logits beside ${other.length}.`);
  return one.reduce((largest, value, index) => Math.max(largest, Math.abs(value - other[index]!)), 0);
}

/**
 * Logits of every position of one text, from the weights of a variant for GPUs in the graph for CPUs, computed in
 * float32 throughout.
 */
export async function float32Logits(
  checkpointDir: string,
  bitsPerWeight: number,
  tokenIds: Int32Array,
): Promise<Float32Array[]> {
  const directory = await mkdtemp(join(tmpdir(), 'drover-float32-'));
  const source = await LlamaCheckpoint.open(checkpointDir);
  try {
    const plan = planBits(source.config, bitsPerWeight, 'f16');
    const weights = await writeWeights({ source, plan, directory });
    const graph = buildLlamaGraph(source.config, plan, 'f32');
    const nodes = graph.nodes.map((node) =>
      node.op === 'MatMulNBits'
        ? { ...node, attributes: { ...node.attributes, accuracy_level: { int: 0 } } }
        : node,
    );
    const modelPath = join(directory, 'model.onnx');
    await writeFile(modelPath, encodeOnnxModel({ ...graph, nodes }, weights));
    const model = await evaluateLogits({ modelPath, threads: 1 });
    try {
      const logits = await model.run(tokenIds);
      return Array.from(tokenIds, (_, position) =>
        logits.slice(position * model.vocabSize, (position + 1) * model.vocabSize),
      );
    } finally {
      await model.close();
    }
  } finally {
    await source.close();
    await rm(directory, { recursive: true });
  }
}
