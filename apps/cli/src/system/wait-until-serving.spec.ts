import { expect, it } from 'vitest';
import { variantsWithoutWorker } from './wait-until-serving.js';

const variant = (name: string, live: number) => ({
  variant: name,
  bits_per_weight: 6.5,
  workers: { live, slots: 8 * live },
});

it('a system serves once every variant that it runs has a live worker', () => {
  const models = [
    { id: 'other', variants: [variant('8_0', 1)] },
    { id: 'drover-tiny', variants: [variant('8_0', 0), variant('6_5', 2)] },
  ];
  expect(variantsWithoutWorker(models, 'drover-tiny', ['8_0', '6_5', '5_0'])).toEqual(['8_0', '5_0']);
  expect(variantsWithoutWorker(models, 'drover-tiny', ['6_5'])).toEqual([]);
  expect(variantsWithoutWorker([], 'drover-tiny', ['6_5'])).toEqual(['6_5']);
});
