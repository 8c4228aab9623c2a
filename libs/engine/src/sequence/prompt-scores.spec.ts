import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { RankedTokens } from '../sampling/rank-tokens.js';
import { PromptScores } from './prompt-scores.js';

const VOCAB = 6;
const TOP = 2;
const anyRow = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: VOCAB, maxLength: VOCAB });
/** A prompt with the logits after each of its tokens. */
const anyPrompt = fc.array(fc.tuple(fc.nat(VOCAB - 1), anyRow), { minLength: 1, maxLength: 12 });
/** Runs that each end after so many tokens in chunks, and then begin anew. */
const anyRuns = fc.array(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }), { maxLength: 4 });

it('the scores of a prompt are the same however often it is begun, cut into chunks and begun again', () => {
  fc.assert(
    fc.property(anyPrompt, anyRuns, (prompt, runs) => {
      const tokenIds = Int32Array.from(prompt, ([id]) => id);
      const rows = prompt.map(([, row]) => Float32Array.from(row));
      const ranked = new RankedTokens(16);
      const whole = new PromptScores(tokenIds, TOP);
      whole.add(0, rows, ranked);
      expect(whole.isComplete).toBe(true);
      expect(whole.scores.map(({ tokenId }) => tokenId)).toEqual([...tokenIds]);

      const cut = new PromptScores(tokenIds, TOP);
      for (const chunks of [...runs, [rows.length]]) {
        let start = 0;
        for (const tokens of chunks) {
          cut.add(start, rows.slice(start, start + tokens), ranked);
          start = Math.min(start + tokens, rows.length);
        }
      }
      expect(cut.scores).toEqual(whole.scores);
    }),
  );
});
