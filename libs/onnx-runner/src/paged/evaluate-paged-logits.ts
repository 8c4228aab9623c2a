import type { PagedRow } from '#engine';
import type { LogitsEvaluator } from '../evaluate-logits.js';
import { createPagedRunner } from './create-paged-runner.js';

/** Tokens of one run: all their logits come to the host. */
const CHUNK_TOKENS = 64;

/**
 * Loads a model for GPUs to look at all its logits, as quality measurements do; generation uses `createPagedRunner`.
 *
 * @throws what `createPagedRunner` does: DeviceError where there is no such device
 */
export async function evaluatePagedLogits(options: {
  readonly modelPath: string;
  readonly device: string;
  /** Most tokens of a sequence. */
  readonly contextTokens: number;
}): Promise<Pick<LogitsEvaluator, 'vocabSize' | 'run' | 'close'>> {
  const runner = await createPagedRunner({ ...options, sequences: 1, stepTokens: CHUNK_TOKENS });
  const { vocabSize, blocks } = runner.info;
  const table = Array.from({ length: blocks }, (_, block) => block);
  return {
    vocabSize,
    run: async (tokenIds) => {
      const logits = new Float32Array(tokenIds.length * vocabSize);
      for (let start = 0; start < tokenIds.length; start += CHUNK_TOKENS) {
        const chunk = tokenIds.subarray(start, start + CHUNK_TOKENS);
        const rows: PagedRow[] = [
          {
            blocks: table,
            tokenIds: chunk,
            startPosition: start,
            logitPositions: chunk.length,
            logits: 'full',
          },
        ];
        const answers = (await runner.run({ rows, exact: false })).flat();
        for (const [index, answer] of answers.entries()) {
          if (answer instanceof Float32Array) logits.set(answer, (start + index) * vocabSize);
        }
      }
      return logits;
    },
    close: () => runner.close(),
  };
}
