import type { Divergence } from '#model-store';
import { evaluateLogits, type LogitsEvaluator } from '#onnx-runner';
import { NOTHING_COMPARED, addComparisons, compareLogits, toDivergence } from './compare-logits.js';

/** A loaded model as far as a measurement needs it. */
export type MeasuredModel = Pick<LogitsEvaluator, 'run' | 'close'>;

export interface MeasureDivergenceOptions {
  /** `model.onnx` of the float32 export. */
  readonly referencePath: string;
  /** Stays with the caller. */
  readonly candidate: MeasuredModel;
  /** At least one token each. */
  readonly rows: readonly Int32Array[];
  readonly signal?: AbortSignal | undefined;
  readonly onRow?: ((done: number, total: number) => void) | undefined;
}

/** How far the candidate's predictions are from the reference's, over all positions of the rows. */
export async function measureDivergence(options: MeasureDivergenceOptions): Promise<Divergence> {
  const { referencePath, candidate, rows, signal, onRow } = options;
  const reference = await evaluateLogits({ modelPath: referencePath });
  try {
    let total = NOTHING_COMPARED;
    for (const [done, row] of rows.entries()) {
      signal?.throwIfAborted();
      onRow?.(done, rows.length);
      const compared = compareLogits(await reference.run(row), await candidate.run(row), reference.vocabSize);
      total = addComparisons(total, compared);
    }
    return toDivergence(total);
  } finally {
    await reference.close();
  }
}
