import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_CLASSES, type LineClass } from './queue-load.js';
import { sumOf, workAhead } from './work-ahead.js';

const EMPTY: LineClass = { jobs: 0, promptTokens: 0, maxTokens: 0, aged: 0 };
const job = { promptTokens: 10, maxTokens: 40 };
const lineOf = (classes: Readonly<Record<number, Partial<LineClass>>>) =>
  LINE_CLASSES.map((line) => ({ ...EMPTY, ...classes[line] }));

describe('the work ahead of a job', () => {
  it('is nothing for the next one', () => {
    const line = lineOf({ 5: { jobs: 3, promptTokens: 60, maxTokens: 240 } });
    expect(workAhead(line, { position: 1, line: 5 }, job)).toEqual({
      jobs: 0,
      promptTokens: 0,
      maxTokens: 0,
    });
  });

  it('is all of the better classes and the earlier ones of its own', () => {
    const line = lineOf({
      0: { jobs: 1, promptTokens: 5, maxTokens: 5 },
      3: { jobs: 2, promptTokens: 100, maxTokens: 300 },
      5: { jobs: 5, promptTokens: 50, maxTokens: 440 },
      9: { jobs: 9, promptTokens: 999, maxTokens: 999 },
    });
    // Two of the four others of its class, which have 40 and 400 tokens together.
    expect(workAhead(line, { position: 6, line: 5 }, job)).toEqual({
      jobs: 5,
      promptTokens: 105 + 20,
      maxTokens: 305 + 200,
    });
  });

  it('is finite and within what waits, however far the counts are apart', () => {
    const classes = fc.array(
      fc.record({ jobs: fc.nat(9), promptTokens: fc.nat(999), maxTokens: fc.nat(999), aged: fc.constant(0) }),
      { minLength: 10, maxLength: 10 },
    );
    fc.assert(
      fc.property(classes, fc.integer({ min: 1, max: 99 }), fc.nat(9), (line, position, own) => {
        const work = workAhead(line, { position, line: own }, job);
        const all = sumOf(line);
        expect(work.jobs).toBe(position - 1);
        expect(work.promptTokens).toBeGreaterThanOrEqual(0);
        expect(work.promptTokens).toBeLessThanOrEqual(all.promptTokens);
        expect(work.maxTokens).toBeLessThanOrEqual(all.maxTokens);
      }),
    );
  });
});
