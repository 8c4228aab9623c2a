import { linearTensorName, type LinearRole } from '#model-store';
import type { PlannedLinear } from './planned-linears.js';

/** Linear layers that lie in the file as one matrix, their rows one below the other. */
export interface StoredMatrix {
  readonly name: string;
  readonly tensors: readonly string[];
  readonly bits: PlannedLinear['bits'];
  readonly blockSize: number;
  readonly rows: number;
  readonly columns: number;
}

const QKV_ROLES: readonly LinearRole[] = ['q', 'k', 'v'];

/**
 * Queries, keys and values of a layer as one matrix: one product rounds its input once. Undefined where the plan gives
 * them different formats, and in float32.
 */
export function packedQkv(
  linears: ReadonlyMap<string, PlannedLinear>,
  layer: number,
): StoredMatrix | undefined {
  const parts = QKV_ROLES.map((role) => linears.get(linearTensorName(layer, role))!);
  const { bits, blockSize, columns } = parts[0]!;
  if (bits === 32 || parts.some((part) => part.bits !== bits || part.blockSize !== blockSize))
    return undefined;
  return {
    name: `model.layers.${layer}.self_attn.qkv_proj.weight`,
    tensors: parts.map(({ tensor }) => tensor),
    bits,
    blockSize,
    columns,
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
  };
}

/** What is stored of the linear layers, in graph order. */
export function storedMatrices(linears: ReadonlyMap<string, PlannedLinear>, layers: number): StoredMatrix[] {
  const packedOf = new Map<string, StoredMatrix>();
  for (let layer = 0; layer < layers; layer++) {
    const packed = packedQkv(linears, layer);
    for (const tensor of packed?.tensors ?? []) packedOf.set(tensor, packed!);
  }
  const matrices = [...linears.values()].map(
    (linear) => packedOf.get(linear.tensor) ?? { ...linear, name: linear.tensor, tensors: [linear.tensor] },
  );
  return [...new Set(matrices)];
}
