import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planMove, type MovableSlot } from './plan-move.js';

const at = (slot: number, tokens = 10, remainingTokens = 100): MovableSlot => ({
  slot,
  tokens,
  remainingTokens,
});

describe('the move of a sequence', () => {
  it('takes the last one to the hole that leaves the shortest range of slots', () => {
    expect(planMove([at(0), at(1), at(6)], 8)).toEqual({ from: 6, to: 2 });
  });

  it('takes the first one, where that saves more', () => {
    expect(planMove([at(0), at(6), at(7)], 8)).toEqual({ from: 0, to: 5 });
  });

  it('is not made without holes between them', () => {
    expect(planMove([], 4)).toBeNull();
    expect(planMove([at(3)], 4)).toBeNull();
    expect(planMove([at(1), at(2), at(3)], 4)).toBeNull();
  });

  it('is made only where the rows it saves cost more than the copy', () => {
    expect(planMove([at(0, 1, 0), at(7, 1, 0)], 8)).toBeNull();
    expect(planMove([at(0, 9000, 10), at(2, 9000, 10)], 8)).toBeNull();
    expect(planMove([at(0, 9000, 10), at(2, 1000, 10)], 8)).toEqual({ from: 2, to: 1 });
  });

  it('goes on until no hole is left, each time to a free slot and a shorter range', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(15), { minLength: 1 }), (slots) => {
        let taken = slots;
        const span = () => Math.max(...taken) - Math.min(...taken) + 1;
        for (
          let move = planMove(
            taken.map((slot) => at(slot)),
            16,
          );
          move !== null;
        ) {
          const { from, to } = move;
          const before = span();
          expect(taken).toContain(from);
          expect(taken).not.toContain(to);
          taken = taken.map((slot) => (slot === from ? to : slot));
          expect(span()).toBeLessThan(before);
          move = planMove(
            taken.map((slot) => at(slot)),
            16,
          );
        }
        expect(span()).toBe(taken.length);
      }),
    );
  });
});
