import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnCosts, prefillBudget, UNKNOWN_COSTS, type ObservedStep } from './prefill-budget.js';

const learn = (...steps: ObservedStep[]) => steps.reduce(learnCosts, UNKNOWN_COSTS);
const decode = (modelMs: number) => ({ decodeRows: 3, prefillTokens: 0, modelMs });
const prefill = (prefillTokens: number, modelMs: number, decodeRows = 0) => ({
  decodeRows,
  prefillTokens,
  modelMs,
});
const bounds = { least: 32, most: 256, hasDecodes: true };

describe('the prompt tokens of a step', () => {
  it('are all that may be where no text is running, or where costs are not known yet', () => {
    const costs = learn(decode(10), prefill(100, 1000));
    expect(prefillBudget(costs, { ...bounds, hasDecodes: false })).toBe(256);
    expect(prefillBudget(UNKNOWN_COSTS, bounds)).toBe(256);
    expect(prefillBudget(learn(decode(10)), bounds)).toBe(256);
    expect(prefillBudget(learn(prefill(100, 1000)), bounds)).toBe(256);
    expect(prefillBudget(learn(decode(0), prefill(100, 0)), bounds)).toBe(256);
  });

  it('take four times the time of a decode step, by the times measured', () => {
    expect(prefillBudget(learn(decode(10), prefill(100, 50)), bounds)).toBe(80);
    // A mixed step counts without its decodes.
    expect(prefillBudget(learn(decode(10), prefill(100, 60, 3)), bounds)).toBe(80);
  });

  it('follow costs that change', () => {
    const slower = learn(
      decode(10),
      ...Array.from({ length: 60 }, () => prefill(100, 50)),
      ...Array.from({ length: 60 }, () => prefill(100, 100)),
    );
    expect(prefillBudget(slower, bounds)).toBe(40);
  });

  it('stay within their bounds whatever was measured', () => {
    const step = fc.record({
      decodeRows: fc.nat(16),
      prefillTokens: fc.nat(300),
      modelMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step), fc.boolean(), (steps, hasDecodes) => {
        const budget = prefillBudget(learn(...steps), { ...bounds, hasDecodes });
        expect(Number.isInteger(budget) && budget >= 32 && budget <= 256).toBe(true);
      }),
    );
  });
});
