import type { TensorPlanEntry } from '#model-store';

/** Which tensor is stored how. The planner decides it, the writer obeys it. */
export interface QuantizationPlan {
  readonly targetBitsPerWeight: number;
  /** Achieved bits per weight over the decoder's linear layers, scales and padding included. */
  readonly bitsPerWeight: number;
  readonly headBitsPerWeight: number;
  /** One entry per linear layer of the decoder in graph order, then the head. */
  readonly entries: readonly TensorPlanEntry[];
}
