import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DroverError, type WorkerHeartbeat } from '#contracts';
import type { QueueDepth } from '#queue';
import { servedVariants } from '../models/served-variants.js';
import {
  chooseVariant,
  findCandidates,
  neededTokensOf,
  wantedVariantOf,
  type Candidate,
} from './admission.js';

function worker(variant: string, rest: Partial<WorkerHeartbeat> = {}): WorkerHeartbeat {
  return {
    workerId: `w-${variant}`,
    model: 'tiny',
    variant,
    device: 'cpu',
    gpu: null,
    contextTokens: 1024,
    slots: 4,
    slotsUsed: 0,
    bitsPerWeight: Number(variant.replace('_', '.')),
    memoryBytes: 1,
    tokensPerSecond: 0,
    decodeTokensPerSecond: null,
    prefillTokensPerSecond: null,
    status: 'ready',
    startedAtMs: 0,
    lastSeenMs: 0,
    ...rest,
  };
}

const depth = (variant: string, waiting: number, active = 0): QueueDepth => ({
  model: 'tiny',
  variant,
  waiting,
  waitingTokens: waiting,
  active,
  oldestWaitingMs: null,
});

const tiny = {
  name: 'tiny',
  contextTokens: 1024,
  variants: [
    { name: '8_0', bitsPerWeight: 8 },
    { name: '5_0', bitsPerWeight: 5 },
  ],
};

const wanted = (variant: string, waitForWorker = false) => ({ model: 'tiny', variant, waitForWorker });

function refusal(find: () => unknown): DroverError {
  try {
    find();
  } catch (error) {
    if (error instanceof DroverError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('what a request asks for', () => {
  it('is a variant by either field, and auto by none', () => {
    expect(wantedVariantOf({ model: 'tiny:8_0' })).toEqual(wanted('8_0'));
    expect(wantedVariantOf({ model: 'tiny', variant: '8_0' })).toEqual(wanted('8_0'));
    expect(wantedVariantOf({ model: 'tiny' })).toEqual(wanted('auto'));
  });

  it('may not contradict itself', () => {
    const refused = refusal(() => wantedVariantOf({ model: 'tiny:8_0', variant: '5_0' }));
    expect(refused).toMatchObject({ code: 'invalid_value', param: 'variant' });
  });
});

describe('candidates', () => {
  const served = servedVariants([worker('8_0'), worker('5_0', { model: 'other' })]);

  it('are the live variants of the model', () => {
    expect(findCandidates(wanted('auto'), [tiny], served).map((one) => one.variant)).toEqual(['8_0']);
  });

  it('do not include a worker that is starting or draining', () => {
    const none = servedVariants([
      worker('8_0', { status: 'draining' }),
      worker('5_0', { status: 'starting' }),
    ]);
    expect(refusal(() => findCandidates(wanted('auto'), [tiny], none)).code).toBe('no_worker');
  });

  it('need no files on this disk where a worker is live', () => {
    expect(findCandidates(wanted('8_0'), [], served)).toHaveLength(1);
  });

  it('name what is served when the model is unknown', () => {
    const refused = refusal(() => findCandidates({ ...wanted('auto'), model: 'huge' }, [tiny], served));
    expect(refused.code).toBe('model_not_found');
    expect(refused.message).toContain('other (5_0), tiny (8_0)');
  });

  it('name what is on disk when the variant is unknown, even for a caller who would wait', () => {
    const refused = refusal(() => findCandidates(wanted('4_0', true), [tiny], served));
    expect(refused.code).toBe('variant_not_found');
    expect(refused.message).toContain('Variants on disk: 8_0, 5_0.');
  });

  it('are refused with a next step when no worker is live', () => {
    const refused = refusal(() => findCandidates(wanted('5_0'), [tiny], served));
    expect(refused).toMatchObject({ code: 'no_worker', retryAfterS: 5 });
    expect(refused.message).toContain('wait_for_worker');
  });

  it('come from disk for a caller who waits for a worker', () => {
    expect(findCandidates(wanted('5_0', true), [tiny], served)).toMatchObject([{ variant: '5_0', slots: 0 }]);
    expect(findCandidates(wanted('auto', true), [tiny], [])).toHaveLength(2);
  });
});

describe('the variant of a job that leaves the choice', () => {
  const candidates = servedVariants([worker('8_0'), worker('6_5'), worker('5_0', { contextTokens: 4096 })]);
  const chosen = (depths: QueueDepth[], needed = 100) => chooseVariant(candidates, depths, needed).variant;

  it('is the best while it has a free slot, however idle the others are', () => {
    expect(chosen([depth('8_0', 0, 3)])).toBe('8_0');
  });

  it('is the next best when the best would make it wait', () => {
    expect(chosen([depth('8_0', 0, 4)])).toBe('6_5');
  });

  it('has the shortest queue for its slots when all are busy', () => {
    const mixed = servedVariants([worker('8_0', { slots: 2 }), worker('5_0', { slots: 8 })]);
    expect(chooseVariant(mixed, [depth('8_0', 2, 2), depth('5_0', 4, 8)], 1).variant).toBe('5_0');
    expect(chooseVariant(mixed, [depth('8_0', 0, 2), depth('5_0', 8, 8)], 1).variant).toBe('8_0');
  });

  it('is one whose context fits', () => {
    expect(chosen([], 2000)).toBe('5_0');
  });

  it('has the largest context when none fits, for the refusal to name', () => {
    expect(chosen([], 9000)).toBe('5_0');
  });

  it('is never beaten in bits by one with no longer a queue', () => {
    const candidate = fc.record({
      model: fc.constant('tiny'),
      variant: fc.constantFrom('8_0', '7_0', '6_5', '6_0', '5_0'),
      bitsPerWeight: fc.constant(0),
      contextTokens: fc.integer({ min: 1, max: 50 }),
      slots: fc.integer({ min: 0, max: 4 }),
    });
    const distinct = fc
      .uniqueArray(candidate, { minLength: 1, selector: (one) => one.variant })
      .map((list) =>
        list.map((one): Candidate => ({ ...one, bitsPerWeight: Number(one.variant.replace('_', '.')) })),
      );
    fc.assert(
      fc.property(distinct, fc.nat(40), fc.infiniteStream(fc.nat(6)), (list, needed, waits) => {
        const depths = list.map((one) => depth(one.variant, waits.next().value ?? 0));
        const waitingAt = (one: Candidate) =>
          depths.find((entry) => entry.variant === one.variant)?.waiting ?? 0;
        const pressure = (one: Candidate) =>
          Math.max(0, waitingAt(one) + 1 - one.slots) / Math.max(1, one.slots);
        const fitting = list.filter((one) => one.contextTokens >= needed);
        const best = chooseVariant(list, depths, needed);
        expect(fitting.length === 0 ? list : fitting).toContain(best);
        const rivals = fitting.filter((one) => one.bitsPerWeight > best.bitsPerWeight);
        for (const rival of rivals) expect(pressure(rival)).toBeGreaterThan(pressure(best));
      }),
    );
  });
});

describe('several workers of one variant', () => {
  it('offer their slots together and the context that all of them have', () => {
    const [served] = servedVariants([
      worker('8_0', { workerId: 'a', contextTokens: 512 }),
      worker('8_0', { workerId: 'b', slots: 2, slotsUsed: 1 }),
    ]);
    expect(served).toMatchObject({ workers: 2, slots: 6, slotsUsed: 1, contextTokens: 512 });
  });
});

it('counts the tokens that a job needs by whichever name it asks', () => {
  expect(neededTokensOf({ prompt: 'x', max_new_tokens: 7 }, 3)).toBe(10);
  expect(neededTokensOf({ prompt: 'x' }, 3)).toBe(4);
});
