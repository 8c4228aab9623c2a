import { HEAD_TENSOR, decoderLinears, type LlamaConfig, type TensorPlanEntry } from '#model-store';
import type { QuantizationPlan } from './quantization-plan.js';

/** A linear layer with its shape and how it is stored. */
export type PlannedLinear = TensorPlanEntry & { readonly rows: number; readonly columns: number };

/** The plan joined with the shapes of the model, by tensor name; the head is among them. */
export function plannedLinears(config: LlamaConfig, plan: QuantizationPlan): Map<string, PlannedLinear> {
  const entries = new Map(plan.entries.map((entry) => [entry.tensor, entry]));
  const head = { tensor: HEAD_TENSOR, rows: config.vocabSize, columns: config.hiddenSize };
  return new Map(
    [...decoderLinears(config), head].map(({ tensor, rows, columns }) => {
      const entry = entries.get(tensor);
      if (!entry) throw new Error(`the plan says nothing about ${tensor}`);
      return [tensor, { ...entry, rows, columns }];
    }),
  );
}

/** A tied model stores its quantized head once, for both ends. */
export function sharesHead(config: LlamaConfig, head: TensorPlanEntry): boolean {
  return config.tieWordEmbeddings && head.bits !== 32;
}
