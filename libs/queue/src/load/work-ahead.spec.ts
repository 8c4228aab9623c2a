import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LINE_CLASSES, type LineClass, type Work } from './queue-load.js';
import { workAhead } from './work-ahead.js';

const NOTHING: Work = { jobs: 0, promptTokens: 0, maxTokens: 0, lengths: null };
const EMPTY: LineClass = { ...NOTHING, aged: 0, arrivals: NOTHING };
const job = { promptTokens: 10, maxTokens: 40 };
const lineOf = (classes: Readonly<Record<number, Partial<LineClass>>>) =>
  LINE_CLASSES.map((line) => ({ ...EMPTY, ...classes[line] }));
const sumOf = (work: readonly Work[], part: 'jobs' | 'promptTokens' | 'maxTokens') =>
  work.reduce((sum, one) => sum + one[part], 0);
const totals = (work: readonly Work[]) =>
  [sumOf(work, 'jobs'), sumOf(work, 'promptTokens'), sumOf(work, 'maxTokens')] as const;

describe('the work ahead of a job', () => {
  it('is nothing for the next one', () => {
    const line = lineOf({ 5: { jobs: 3, promptTokens: 60, maxTokens: 240 } });
    expect(totals(workAhead(line, { position: 1, line: 5 }, job))).toEqual([0, 0, 0]);
  });

  it('is all of the better classes and the earlier ones of its own', () => {
    const line = lineOf({
      0: { jobs: 1, promptTokens: 5, maxTokens: 5 },
      3: { jobs: 2, promptTokens: 100, maxTokens: 300 },
      5: { jobs: 5, promptTokens: 50, maxTokens: 440 },
      9: { jobs: 9, promptTokens: 999, maxTokens: 999 },
    });
    // Two of the four others of its class, which have 40 and 400 tokens together.
    const work = workAhead(line, { position: 6, line: 5 }, job);
    expect(totals(work)).toEqual([5, 105 + 20, 305 + 200]);
    expect(work.find(({ jobs }) => jobs === 2)).toMatchObject({ promptTokens: 100, maxTokens: 300 });
  });

  it('has as many jobs as the position tells, and is finite, however far the counts are apart', () => {
    const classes = fc.array(
      fc.record({ jobs: fc.nat(9), promptTokens: fc.nat(999), maxTokens: fc.nat(999) }),
      { minLength: 10, maxLength: 10 },
    );
    fc.assert(
      fc.property(classes, fc.integer({ min: 1, max: 99 }), fc.nat(9), (counts, position, own) => {
        const line = counts.map((one) => ({ ...EMPTY, ...one }));
        const [jobs, promptTokens, maxTokens] = totals(workAhead(line, { position, line: own }, job));
        expect(jobs).toBeCloseTo(position - 1);
        expect(promptTokens).toBeGreaterThanOrEqual(0);
        expect(maxTokens).toBeLessThan(Infinity);
      }),
    );
  });
});
