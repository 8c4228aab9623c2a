import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GpuKind } from '#contracts';
import { inAdapterOrder } from './adapter-order.js';

const SURE = ['discrete', 'integrated', 'software'] as const;
const kind = fc.constantFrom<GpuKind>('discrete', 'integrated', 'virtual', 'software', 'other');

it('`webgpu` is a discrete GPU where there is one, and no software device where there is any GPU of its own', () => {
  fc.assert(
    fc.property(fc.array(kind), fc.constantFrom(...SURE), (kinds, sure) => {
      const all: GpuKind[] = [...kinds, sure];
      const [first] = inAdapterOrder(all.map((each) => ({ kind: each })));
      expect(first?.kind).toBe(SURE.find((each) => all.includes(each)));
    }),
  );
});

it('devices of one kind stay in the order of their drivers', () => {
  fc.assert(
    fc.property(fc.array(kind), (kinds) => {
      const devices = kinds.map((each, place) => ({ kind: each, place }));
      const ordered = inAdapterOrder(devices);
      expect(ordered.toSorted((a, b) => a.place - b.place)).toEqual(devices);
      for (const each of new Set(kinds)) {
        const places = ordered.filter((device) => device.kind === each).map(({ place }) => place);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    }),
  );
});
