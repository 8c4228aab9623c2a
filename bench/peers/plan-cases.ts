import type { CaseLoad } from './measured-system.js';
import type { ShapeName } from './peer-models.js';

export interface CaseOptions {
  readonly sequences: readonly number[];
  readonly prompts: readonly number[];
  /** Tokens in the context of one more case, of one sequence; 0 for none. */
  readonly longContext: number;
}

/** Short where a step takes long: a figure is a median over turns, and each turn runs the prompts anew. */
const DECODE_STEPS = {
  default: { few: 128, many: 128 },
  '1b': { few: 32, many: 16 },
  '8b': { few: 8, many: 8 },
} satisfies Record<ShapeName, object>;
const FEW_SEQUENCES = 4;

/**
 * Each prompt with each number of sequences. A prompt takes at most three quarters of the model's context, so that
 * there is room to decode.
 */
export function planCases(shape: ShapeName, modelContextTokens: number, options: CaseOptions): CaseLoad[] {
  const longest = Math.floor(modelContextTokens * 0.75);
  const stepsOf = (sequences: number) => DECODE_STEPS[shape][sequences <= FEW_SEQUENCES ? 'few' : 'many'];
  const prompts = new Set(options.prompts.map((promptTokens) => Math.min(promptTokens, longest)));
  const cases = [...prompts].flatMap((promptTokens) =>
    options.sequences.map((sequences) => ({ sequences, promptTokens, decodeSteps: stepsOf(sequences) })),
  );
  const { longContext } = options;
  if (longContext === 0 || longContext > longest) return cases;
  return [...cases, { sequences: 1, promptTokens: longContext, decodeSteps: stepsOf(1) }];
}
