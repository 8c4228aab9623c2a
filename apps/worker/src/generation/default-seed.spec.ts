import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultSeedOf } from './default-seed.js';

describe('default seed', () => {
  it('is the same on every attempt of a job', () => {
    expect(defaultSeedOf('job_0192f')).toBe(defaultSeedOf('job_0192f'));
  });

  it('is a safe non-negative integer and differs between jobs', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { minLength: 2 }), (ids) => {
        const seeds = ids.map(defaultSeedOf);
        expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
        expect(new Set(seeds).size).toBe(ids.length);
      }),
    );
  });
});
