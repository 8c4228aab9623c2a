import type { KvCacheType } from '#contracts';
import { decoderLinears, type LinearRole, type LinearTensor, type LlamaConfig } from '#model-store';
import {
  FLOAT32_BITS,
  LARGEST_BLOCK,
  bitsOf,
  blockFormat,
  planFloat32,
  toPlan,
  type QuantizationPlan,
} from './quantization-plan.js';

/**
 * Largest blocks by their bits. On a CPU coarser ones are faster, and cost 4-bit weights more than the bits they free.
 * ONNX Runtime's WebGPU provider reads the weights once for 16 rows in blocks of 32, and in all others once for each
 * row (matmul_nbits.cc): half of the time for a prompt, measured even where memory is the processor's own.
 */
const CPU_BLOCKS = { 4: 64, 8: LARGEST_BLOCK };
const GPU_BLOCKS = { 4: 32, 8: 32 };

/** Bits per weight that may stay unspent before tensors are exchanged to use them. */
const SLACK_BITS = 0.03;

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
  kvCache: KvCacheType = 'f32',
): QuantizationPlan {
  if (targetBitsPerWeight === FLOAT32_BITS && kvCache === 'f16') {
    throw new RangeError('a variant for GPUs computes in float16: it cannot keep 32 bits per weight');
  }
  if (targetBitsPerWeight === FLOAT32_BITS) return { ...planFloat32(config), kvCache };
  const linears = decoderLinears(config);
  const weights = linears.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
  const blocks = kvCache === 'f16' ? GPU_BLOCKS : CPU_BLOCKS;
  const low = linears.map(({ columns }) => blockFormat(columns, 4, blocks[4]));
  const high = linears.map(({ columns }) => blockFormat(columns, 8, blocks[8]));
  const costs = linears.map((linear, i) => bitsOf(linear, high[i]!) - bitsOf(linear, low[i]!));

  const lowest = linears.reduce((sum, linear, i) => sum + bitsOf(linear, low[i]!), 0);
  const highest = costs.reduce((sum, cost) => sum + cost, lowest);
  checkReachable(targetBitsPerWeight, lowest / weights, highest / weights);

  const budget = targetBitsPerWeight * weights - lowest;
  const raised = chooseRaised(costs, bySensitivity(linears, config.layers), budget, SLACK_BITS * weights);
  const formats = linears.map((_, i) => (raised.has(i) ? high[i]! : low[i]!));
  return {
    ...toPlan(config, formats, blockFormat(config.hiddenSize, 8, blocks[8]), targetBitsPerWeight),
    kvCache,
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

function checkReachable(target: number, lowest: number, highest: number): void {
  if (target >= lowest && target <= highest) return;
  throw new RangeError(
    `${target} bits per weight cannot be reached: this model's shapes allow ${lowest.toFixed(3)} to ` +
      `${highest.toFixed(3)}, or 32 for float32`,
  );
}
