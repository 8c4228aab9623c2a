import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BrokenLogitsError } from '../errors.js';
import { createSamplingScratch, drawToken, type Truncation } from './draw-token.js';

interface Weighed {
  readonly id: number;
  readonly weight: number;
}

/** Surprise, entropy and their distance, as the paper writes them; all of equally near tokens stay. */
function typical(tokens: readonly Weighed[], share: number): Weighed[] {
  const total = tokens.reduce((sum, { weight }) => sum + weight, 0);
  const possible = tokens.filter(({ weight }) => weight > 0);
  const surprise = ({ weight }: Weighed) => -Math.log(weight / total);
  const entropy = possible.reduce((sum, token) => sum + (token.weight / total) * surprise(token), 0);
  const distance = (token: Weighed) => Math.abs(surprise(token) - entropy);
  const nearest = possible.toSorted((a, b) => distance(a) - distance(b));
  let last = 0;
  for (let sum = nearest[0]!.weight; sum < share * total; sum += nearest[last]!.weight) last += 1;
  return nearest.filter((token) => distance(token) <= distance(nearest[last]!) + 1e-6);
}

/** Probabilities by the definitions, everything sorted and nothing shared with the code under test. */
function probabilities(
  logits: Float32Array,
  { temperature, topK, topP, minP, typicalP }: Truncation,
): number[] {
  const best = Math.max(...logits);
  let kept = Array.from(logits, (logit, id) => ({ id, weight: Math.exp((logit - best) / temperature) }));
  kept = kept.toSorted((a, b) => logits[b.id]! - logits[a.id]! || a.id - b.id);
  if (topK > 0) kept = kept.slice(0, topK);
  const share = topP * kept.reduce((sum, { weight }) => sum + weight, 0);
  let before = 0;
  if (topP < 1) {
    kept = kept.filter(({ weight }) => {
      const keeps = before < share;
      before += weight;
      return keeps;
    });
  }
  kept = kept.filter(({ weight }) => weight >= minP);
  if (typicalP < 1) kept = typical(kept, typicalP);
  const total = kept.reduce((sum, { weight }) => sum + weight, 0);
  const result = Array.from(logits, () => 0);
  for (const { id, weight } of kept) result[id] = weight / total;
  return result;
}

const GRID = 1000;

/** How often each token is drawn over an even grid of random numbers. */
function drawGrid(logits: Float32Array, truncation: Truncation): number[] {
  const counts = Array.from(logits, () => 0);
  const scratch = createSamplingScratch(logits.length);
  for (let i = 0; i < GRID; i++) counts[drawToken(logits, truncation, (i + 0.5) / GRID, scratch)]! += 1;
  return counts;
}

describe('sampling', () => {
  // Off round values: a share that falls exactly on the border between two tokens is decided by rounding.
  const anyTruncation = fc.record({
    temperature: fc.double({ min: 0.2, max: 2, noNaN: true }),
    topK: fc.nat(30),
    topP: fc.oneof(fc.constant(1), fc.double({ min: 0.0503, max: 0.9897, noNaN: true })),
    minP: fc.oneof(fc.constant(0), fc.double({ min: 0.0011, max: 0.4903, noNaN: true })),
    typicalP: fc.oneof(fc.constant(1), fc.double({ min: 0.0507, max: 0.9893, noNaN: true })),
  });
  // Sixteenths: equal logits are common, and no two are so near that rounding decides between them.
  const anyLogits = (min: number, max: number) =>
    fc
      .array(fc.integer({ min: -96, max: 96 }), { minLength: min, maxLength: max })
      .map((sixteenths) => Float32Array.from(sixteenths, (value) => value / 16));

  it('draws each token as often as its probability says', () => {
    fc.assert(
      fc.property(anyLogits(1, 60), anyTruncation, (logits, truncation) => {
        const counts = drawGrid(logits, truncation);
        const expected = probabilities(logits, truncation);
        counts.forEach((count, id) => expect(Math.abs(count - GRID * expected[id]!)).toBeLessThan(1.01));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    { topK: 0, topP: 0.9, minP: 0, typicalP: 1 },
    { topK: 2500, topP: 1, minP: 0, typicalP: 1 },
    { topK: 3000, topP: 0.8, minP: 0.5, typicalP: 1 },
    { topK: 0, topP: 1, minP: 0, typicalP: 0.8 },
    { topK: 0, topP: 0.97, minP: 0.1, typicalP: 0.9 },
  ])('cuts where it should if more tokens stay than are ever ranked: %j', (cut) => {
    const logits = Float32Array.from({ length: 4000 }, (_, id) => Math.sin(id * 12.9898));
    const truncation = { temperature: 2, ...cut };
    const expected = probabilities(logits, truncation);
    const drawn = drawGrid(logits, truncation);
    expect(expected.filter((p) => p > 0).length).toBeGreaterThan(1024);
    expect(drawn.some((count, id) => count > 0 && expected[id] === 0)).toBe(false);
    expect(drawn.filter((count) => count > 0).length).toBeGreaterThan(900);
  });
});

it('draws from no distribution in which a single logit is not a number', () => {
  const logits = Float32Array.of(1, NaN, 2, 0);
  const neutral = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1 };
  for (const truncation of [neutral, { ...neutral, topK: 4 }, { ...neutral, topP: 0.9 }]) {
    const draw = () => drawToken(logits, truncation, 0.5, createSamplingScratch(logits.length));
    expect(draw).toThrow(BrokenLogitsError);
  }
});
