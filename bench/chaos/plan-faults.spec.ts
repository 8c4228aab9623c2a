import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { planFaults, WORKERS } from './plan-faults.js';

it('is as long as asked, the same for the same seed, and longer without a change of its beginning', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 60 }), fc.nat(60), (seed, count, more) => {
      const plan = planFaults(seed, count);
      expect(plan).toHaveLength(count);
      expect(planFaults(seed, count + more).slice(0, count)).toEqual(plan);
    }),
  );
});

it('has every kind in any ten faults that were dealt together, and only workers that there are', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const faults = planFaults(seed, 20).map(({ fault }) => fault);
      for (const dealt of [faults.slice(0, 10), faults.slice(10)]) {
        expect(new Set(dealt.map(({ kind }) => kind)).size).toBe(7);
      }
      const workers = faults.flatMap((fault) => ('worker' in fault ? [fault.worker] : []));
      expect(workers.filter((worker) => worker < 0 || worker >= WORKERS)).toEqual([]);
    }),
  );
});

it('differs between seeds', () => {
  const plans = new Set(Array.from({ length: 50 }, (_, seed) => JSON.stringify(planFaults(seed, 10))));
  expect(plans.size).toBe(50);
});
