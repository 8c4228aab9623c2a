import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { DONE_N, isDoneEventId, REQUEUED_N } from './event-ids.js';

const attempts = fc.integer({ min: 0, max: 1e6 });
const runs = fc.integer({ min: 0, max: 1e6 });

it('knows the end of every run from all that comes before and after it', () => {
  fc.assert(
    fc.property(attempts, runs, (attempt, run) => {
      expect(isDoneEventId(`${attempt}-${DONE_N + 2 * run}`)).toBe(true);
      expect(isDoneEventId(`${attempt}-${DONE_N + 2 * run + 1}`)).toBe(false);
    }),
  );
  for (const n of [0, 1, 131_071, REQUEUED_N]) expect(isDoneEventId(`3-${n}`)).toBe(false);
});

it('keeps every n exact as a double, which is what Lua counts in', () => {
  expect(Number.isSafeInteger(DONE_N + 2e6 + 1)).toBe(true);
});
