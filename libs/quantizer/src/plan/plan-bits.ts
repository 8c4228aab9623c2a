import {
  HEAD_TENSOR,
  decoderLinears,
  type LinearRole,
  type LinearTensor,
  type LlamaConfig,
  type TensorPlanEntry,
} from '#model-store';
import { storedBits, type BlockFormat } from '../packing/block-layout.js';
import type { QuantizationPlan } from './quantization-plan.js';

export interface BlockSizePreference {
  /** Largest block of 4-bit tensors, default 64; smaller where it does not divide the row. */
  readonly largestBlock4?: number;
  /** Largest block of 8-bit tensors and of the head, default 128. */
  readonly largestBlock8?: number;
}

/** Bits per weight from which a target means "not quantized". */
const FLOAT32_BITS = 32;
/** Bits per weight that may stay unspent before tensors are exchanged to use them. */
const SLACK_BITS = 0.03;
const BLOCK_SIZES = [128, 64, 32, 16];

/**
 * Which tensors lose most by 4 bits for each bit they cost, worst first. Measured on the default model by setting one
 * role at a time to 4 bits: KL divergence per weight was 108 : 33 : 16 : 10 : 4.4 : 3.5 : 2.4 in this order.
 */
const ROLE_RANK = {
  v: 0,
  o: 1,
  k: 2,
  q: 3,
  down: 5,
  gate: 6,
  up: 7,
} satisfies Record<LinearRole, number>;

/** The feed-forward of the first and last layer comes right after attention: outer layers lose three times as much. */
const EDGE_FEED_FORWARD_RANK = 4;

/**
 * Mixes 8-bit and 4-bit tensors to come as near to the target as it goes without exceeding it: all start at 4
 * bits, then those that lose most by it are raised to 8 while the budget holds. Bits count scales and padding, over
 * the decoder's linear layers; the head is always 8 bits and outside the budget. A target of 32 keeps float32.
 *
 * Throws `RangeError` for targets that no mix can reach.
 */
export function planBits(
  config: LlamaConfig,
  targetBitsPerWeight: number,
  preference: BlockSizePreference = {},
): QuantizationPlan {
  if (targetBitsPerWeight === FLOAT32_BITS) return planFloat32(config);
  const linears = decoderLinears(config);
  const weights = linears.reduce((sum, linear) => sum + linear.rows * linear.columns, 0);
  const low = linears.map((linear) => formatFor(linear.columns, 4, preference.largestBlock4 ?? 64));
  const high = linears.map((linear) => formatFor(linear.columns, 8, preference.largestBlock8 ?? 128));
  const lowBits = sumBits(linears, low);
  const highBits = sumBits(linears, high);
  checkReachable(targetBitsPerWeight, lowBits / weights, highBits / weights);

  const costs = linears.map((linear, i) => bitsOf(linear, high[i]!) - bitsOf(linear, low[i]!));
  const budget = targetBitsPerWeight * weights - lowBits;
  const raised = chooseRaised(costs, bySensitivity(linears, config.layers), budget, SLACK_BITS * weights);
  const formats = linears.map((_, i) => (raised.has(i) ? high[i]! : low[i]!));
  const headFormat = formatFor(config.hiddenSize, 8, preference.largestBlock8 ?? 128);
  return {
    targetBitsPerWeight,
    bitsPerWeight: sumBits(linears, formats) / weights,
    headBitsPerWeight: storedBits(1, config.hiddenSize, headFormat) / config.hiddenSize,
    entries: [
      ...linears.map(({ tensor }, index) => ({ tensor, ...formats[index]! })),
      { tensor: HEAD_TENSOR, ...headFormat },
    ],
  };
}

function planFloat32(config: LlamaConfig): QuantizationPlan {
  const entry = (tensor: string): TensorPlanEntry => ({ tensor, bits: 32, blockSize: 0 });
  return {
    targetBitsPerWeight: FLOAT32_BITS,
    bitsPerWeight: FLOAT32_BITS,
    headBitsPerWeight: FLOAT32_BITS,
    entries: [...decoderLinears(config).map(({ tensor }) => entry(tensor)), entry(HEAD_TENSOR)],
  };
}

/**
 * Indices of the tensors that get 8 bits: in the given order as long as the budget holds; then, while more than
 * `slack` is left over, one that was passed over takes the place of a cheaper one.
 */
function chooseRaised(
  costs: readonly number[],
  order: readonly number[],
  budget: number,
  slack: number,
): Set<number> {
  const raised = new Set<number>();
  let spare = budget;
  for (const index of order) {
    if (costs[index]! > spare) continue;
    spare -= costs[index]!;
    raised.add(index);
  }
  while (spare > slack) {
    const swap = bestSwap(costs, order, raised, spare);
    if (!swap) break;
    spare -= swap.cost;
    raised.delete(swap.drop);
    raised.add(swap.raise);
  }
  return raised;
}

/** The exchange that uses most of what is spare; of equal ones, that which drops the least sensitive tensor. */
function bestSwap(
  costs: readonly number[],
  order: readonly number[],
  raised: ReadonlySet<number>,
  spare: number,
): { raise: number; drop: number; cost: number } | null {
  let best = null;
  for (const raise of order.filter((index) => !raised.has(index))) {
    for (const drop of order.filter((index) => raised.has(index)).toReversed()) {
      const cost = costs[raise]! - costs[drop]!;
      if (cost > 0 && cost <= spare && cost > (best?.cost ?? 0)) best = { raise, drop, cost };
    }
  }
  return best;
}

/** Indices of the tensors, those that lose most by 4 bits first; within a rank the outer layers lead. */
function bySensitivity(linears: readonly LinearTensor[], layers: number): number[] {
  const rank = ({ role, layer }: LinearTensor) =>
    edgeDistance(layer, layers) === 0 ? Math.min(ROLE_RANK[role], EDGE_FEED_FORWARD_RANK) : ROLE_RANK[role];
  return linears
    .map((linear, index) => ({ index, rank: rank(linear), distance: edgeDistance(linear.layer, layers) }))
    .toSorted((a, b) => a.rank - b.rank || a.distance - b.distance || a.index - b.index)
    .map(({ index }) => index);
}

function edgeDistance(layer: number, layers: number): number {
  return Math.min(layer, layers - 1 - layer);
}

/** The largest allowed block that leaves no padding; the row length is a multiple of 16 by the config's check. */
function formatFor(columns: number, bits: 4 | 8, largest: number): BlockFormat {
  const blockSize = BLOCK_SIZES.find((size) => size <= largest && columns % size === 0) ?? 16;
  return { bits, blockSize };
}

function bitsOf(linear: LinearTensor, format: BlockFormat): number {
  return storedBits(linear.rows, linear.columns, format);
}

function sumBits(linears: readonly LinearTensor[], formats: readonly BlockFormat[]): number {
  return linears.reduce((sum, linear, index) => sum + bitsOf(linear, formats[index]!), 0);
}

function checkReachable(target: number, lowest: number, highest: number): void {
  if (target >= lowest && target <= highest) return;
  throw new RangeError(
    `${target} bits per weight cannot be reached: this model's shapes allow ${lowest.toFixed(3)} to ` +
      `${highest.toFixed(3)}, or 32 for float32`,
  );
}
