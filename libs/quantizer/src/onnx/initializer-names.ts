/** Names of the stored tensors that the graph and the writer must agree on. */
export const COS_CACHE = 'rotary.cos';
export const SIN_CACHE = 'rotary.sin';

export const CONSTANTS = {
  /** Scalar 1. */
  one: 'const.one',
  /** [0] */
  axis0: 'const.axis_0',
  /** [1] */
  axis1: 'const.axis_1',
  /** [largest int64] */
  end: 'const.end',
  /** The tied head seen as a table: [vocabulary, bytes of a row]. */
  embeddingShape: 'const.embedding_shape',
} as const;

export function packedName(tensor: string): string {
  return `${tensor}.packed`;
}

export function scalesName(tensor: string): string {
  return `${tensor}.scales`;
}

export function keyScalesName(layer: number): string {
  return `layers.${layer}.key_scales`;
}

export function valueScalesName(layer: number): string {
  return `layers.${layer}.value_scales`;
}
