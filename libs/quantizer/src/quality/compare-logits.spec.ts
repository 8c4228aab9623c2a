import { describe, expect, it } from 'vitest';
import { compareLogits } from './compare-logits.js';

describe('compareLogits', () => {
  it('finds nothing between equal predictions, whatever their offset', () => {
    const reference = Float32Array.of(1, 2, 3, 0, 0, 5);
    const compared = compareLogits(
      reference,
      reference.map((logit) => logit + 7),
      3,
    );
    expect(compared).toMatchObject({ tokens: 2, agreements: 2 });
    expect(compared.klNats).toBeCloseTo(0, 6);
  });

  it('sums KL divergence from the reference in nats', () => {
    const p = [0.5, 0.25, 0.25];
    const q = [0.25, 0.5, 0.25];
    const { klNats, agreements } = compareLogits(
      Float32Array.from([...p, ...p], Math.log),
      Float32Array.from([...q, ...q], Math.log),
      3,
    );
    expect(klNats).toBeCloseTo(2 * (0.5 * Math.log(2) + 0.25 * Math.log(0.5)), 6);
    expect(agreements).toBe(0);
  });

  it('refuses predictions of different length', () => {
    expect(() => compareLogits(new Float32Array(3), new Float32Array(6), 3)).toThrow(RangeError);
  });
});
