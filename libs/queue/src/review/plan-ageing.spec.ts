import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AGEING_STEP_MS, planAgeing } from './plan-ageing.js';

const NOW = 10_000_000;
const none = Array.from({ length: 10 }, () => 0);
const head = (priority: number, waitedSteps: number, line = priority) => ({
  jobId: `job-${line}`,
  line,
  priority,
  queuedAtMs: NOW - waitedSteps * AGEING_STEP_MS,
});

describe('a job that is overtaken', () => {
  it('moves up one class for each step that it has waited, to the first at most', () => {
    const plan = (steps: number) => planAgeing([head(1, 0.1), head(4, steps)], none, NOW);
    expect(plan(2.9)).toEqual([]);
    expect(plan(3)).toEqual([{ jobId: 'job-4', from: 4, to: 1 }]);
    expect(plan(99)).toEqual([{ jobId: 'job-4', from: 4, to: 1 }]);
  });

  it('moves where a class that it may reach holds a later job, and only there', () => {
    expect(planAgeing([head(6, 0), head(9, 3)], none, NOW)).toEqual([{ jobId: 'job-9', from: 9, to: 6 }]);
    expect(planAgeing([head(5, 0), head(9, 3)], none, NOW)).toEqual([]);
  });

  it('moves on from a class that it has reached before', () => {
    expect(planAgeing([head(1, 0), head(9, 8, 7)], none, NOW)).toEqual([{ jobId: 'job-7', from: 7, to: 1 }]);
  });

  it('waits while another aged job is in the class it would go to', () => {
    const heads = [head(1, 0), head(9, 8)];
    expect(planAgeing(heads, none.with(1, 1), NOW)).toEqual([]);
    expect(planAgeing(heads, none.with(2, 1), NOW)).toHaveLength(1);
  });

  it('goes before others that have waited for less', () => {
    expect(planAgeing([head(1, 0), head(5, 20), head(9, 30)], none, NOW)).toEqual([
      { jobId: 'job-9', from: 9, to: 1 },
    ]);
  });
});

it('moves nobody in a backlog of one class, however old', () => {
  expect(planAgeing([head(9, 1_000)], none, NOW)).toEqual([]);
});

it('moves nobody where the better classes hold the older jobs', () => {
  expect(planAgeing([head(1, 50), head(5, 40), head(9, 30)], none, NOW)).toEqual([]);
});

it('only ever moves jobs to better classes, each job and each class once', () => {
  const heads = fc
    .uniqueArray(
      fc.record({
        line: fc.nat(9),
        priority: fc.integer({ min: 1, max: 9 }),
        waited: fc.double({ min: -1, max: 50, noNaN: true }),
      }),
      { selector: ({ line }) => line },
    )
    .map((list) => list.map(({ line, priority, waited }) => head(priority, waited, line)));
  const aged = fc.array(fc.nat(1), { minLength: 10, maxLength: 10 });
  fc.assert(
    fc.property(heads, aged, (list, agedInClass) => {
      const plan = planAgeing(list, agedInClass, NOW);
      for (const { from, to } of plan) {
        expect(to).toBeLessThan(from);
        expect(to).toBeGreaterThanOrEqual(1);
        expect(agedInClass[to]).toBe(0);
      }
      expect(new Set(plan.map(({ to }) => to)).size).toBe(plan.length);
      expect(new Set(plan.map(({ jobId }) => jobId)).size).toBe(plan.length);
    }),
  );
});
