import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateStart, type StartFacts } from './estimate-start.js';
import type { LearnedLengths } from './learned-lengths.js';

const NOW = 1_000_000;
/** 10 ms a prompt token and 100 ms a generated one, whoever else runs. */
const worker = { slots: 4, prefillTokensPerSecond: 100, decodeTokensPerSecond: 10 };
const exact = (mean: number) => ({ mean, deviation: 0 });
/** Every text has 10 tokens. */
const lengths: LearnedLengths = { tokens: exact(10), share: { mean: 0.5, deviation: 1 } };
const unmeasured = { slots: 4, prefillTokensPerSecond: null, decodeTokensPerSecond: null };

const running = (sinceS: number) => ({
  sinceMs: NOW - sinceS * 1000,
  promptTokens: 100,
  maxTokens: 10,
  lengths,
});
/** Each takes its worker 1 s for the prompt and 1 s for the text: 8 s in one of four slots. */
const jobs = (count: number) => ({
  jobs: count,
  promptTokens: 100 * count,
  maxTokens: 10 * count,
  lengths,
});

const facts: StartFacts = {
  ahead: [],
  overtaking: [],
  running: [running(0), running(2), running(4), running(6)],
  workers: [worker],
  nowMs: NOW,
};
const expectedOf = (change: Partial<StartFacts>) => estimateStart({ ...facts, ...change })?.expected;

describe('a job that waits', () => {
  it('starts at once where a slot is free for it, whatever is known of speed', () => {
    const now = { low: 0, expected: 0, high: 0 };
    expect(estimateStart({ ...facts, workers: [{ ...unmeasured, slots: 5 }] })).toEqual(now);
    expect(estimateStart({ ...facts, running: [], ahead: [jobs(3)] })).toEqual(now);
  });

  it('starts when the first slot comes free, and the next ones after it', () => {
    expect([0, 1, 2, 3].map((count) => expectedOf({ ahead: [jobs(count)] }))).toEqual([2, 4, 6, 8]);
  });

  it('waits for slots to come free again, each after the time of a job ahead', () => {
    expect([4, 5, 8, 400].map((count) => expectedOf({ ahead: [jobs(count)] }))).toEqual([10, 12, 18, 802]);
  });

  it('waits for prompts as well as for texts, of each kind of job as long as that kind takes', () => {
    expect(expectedOf({ ahead: [{ ...jobs(4), promptTokens: 0 }] })).toBe(6);
    const longer = { ...jobs(2), lengths: { ...lengths, tokens: exact(20) }, maxTokens: 99 };
    expect(expectedOf({ ahead: [jobs(2), longer] })).toBe(2 + (8 + 12) / 2);
  });

  it('waits a little for a job that has run for longer than expected', () => {
    expect(expectedOf({ running: Array.from({ length: 4 }, () => running(50)) })).toBeCloseTo(0.8);
  });

  it('waits longer by the share of the slots that better jobs take as they come', () => {
    // A job each 4 s, of 8 s in one of four slots: half of them.
    expect(expectedOf({ ahead: [jobs(4)], overtaking: [jobs(0.25)] })).toBe(20);
    expect(expectedOf({ ahead: [jobs(4)], overtaking: [jobs(99)] })).toBe(40);
  });

  it('has no estimate where nobody serves it or nothing was measured', () => {
    const none = [
      { workers: [] },
      { workers: [{ ...worker, decodeTokensPerSecond: null }] },
      { workers: [{ ...worker, prefillTokensPerSecond: null }] },
      { ahead: [{ ...jobs(1), lengths: null }] },
      { running: facts.running.map((job) => ({ ...job, lengths: null })) },
      { overtaking: [{ ...jobs(1), lengths: null }] },
    ];
    for (const change of none) expect(estimateStart({ ...facts, ...change })).toBeNull();
  });

  it('takes a worker that has measured nothing to be like the others', () => {
    const pair = { running: [...facts.running, ...facts.running], ahead: [jobs(80)] };
    expect(expectedOf({ ...pair, workers: [worker, unmeasured] })).toBe(
      expectedOf({ ...pair, workers: [worker, worker] }),
    );
  });
});

const speeds = fc.record({
  slots: fc.integer({ min: 1, max: 8 }),
  prefillTokensPerSecond: fc.double({ min: 10, max: 5_000, noNaN: true }),
  decodeTokensPerSecond: fc.double({ min: 1, max: 500, noNaN: true }),
});
const moments = (max: number) =>
  fc.record({
    mean: fc.double({ min: 0, max, noNaN: true }),
    deviation: fc.double({ min: 0, max, noNaN: true }),
  });
const anyLengths = fc.record({ tokens: moments(1_000), share: moments(1) });
const anySize = { promptTokens: fc.nat(2_000), maxTokens: fc.integer({ min: 1, max: 2_000 }) };
const anyWork = (count: fc.Arbitrary<number>) =>
  fc.record({ count, ...anySize, kind: anyLengths }).map(({ count: n, promptTokens, maxTokens, kind }) => ({
    jobs: n,
    promptTokens: promptTokens * n,
    maxTokens: maxTokens * n,
    lengths: kind,
  }));
const anyFacts: fc.Arbitrary<StartFacts> = fc.record({
  ahead: fc.array(anyWork(fc.nat(500)), { minLength: 1, maxLength: 4 }),
  overtaking: fc.array(anyWork(fc.double({ min: 0, max: 3, noNaN: true })), { maxLength: 3 }),
  running: fc.array(
    fc.record({
      sinceMs: fc.integer({ min: NOW - 100_000, max: NOW + 1_000 }),
      ...anySize,
      lengths: anyLengths,
    }),
    { maxLength: 16 },
  ),
  workers: fc.array(speeds, { minLength: 1, maxLength: 3 }),
  nowMs: fc.constant(NOW),
});

/** Estimates are rounded to hundredths. */
const ROUNDING = 0.011;

function estimate(given: StartFacts) {
  const eta = estimateStart(given);
  if (eta === null) throw new Error('Everything was measured.');
  return eta;
}

describe('every estimate', () => {
  it('lies between its bounds, and none is in the past', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const { low, expected, high } = estimate(given);
        expect(low).toBeGreaterThanOrEqual(0);
        expect(expected).toBeGreaterThanOrEqual(low);
        expect(high).toBeGreaterThanOrEqual(expected);
        expect(high).toBeLessThan(Infinity);
      }),
    );
  });

  it('is no earlier with more tokens ahead', () => {
    fc.assert(
      fc.property(anyFacts, fc.nat(5_000), fc.nat(5_000), (given, prompt, most) => {
        const more = given.ahead.map((work) => ({
          ...work,
          promptTokens: work.promptTokens + prompt,
          maxTokens: work.maxTokens + most,
        }));
        expect(estimate({ ...given, ahead: more }).expected).toBeGreaterThanOrEqual(estimate(given).expected);
      }),
    );
  });

  it('is no earlier with one more job like those ahead', () => {
    fc.assert(
      fc.property(anyFacts, anyWork(fc.integer({ min: 1, max: 500 })), (given, work) => {
        const grown = (work.jobs + 1) / work.jobs;
        const more = {
          ...work,
          jobs: work.jobs + 1,
          promptTokens: work.promptTokens * grown,
          maxTokens: work.maxTokens * grown,
        };
        const [less, later] = [work, more].map((ahead) => estimate({ ...given, ahead: [ahead] }).expected);
        expect(later).toBeGreaterThanOrEqual((less ?? Infinity) - ROUNDING);
      }),
    );
  });

  it('is no later with one more worker of the same kind', () => {
    fc.assert(
      fc.property(anyFacts, speeds, (given, kind) => {
        const one = estimate({ ...given, workers: [kind] });
        const two = estimate({ ...given, workers: [kind, kind] });
        expect(two.expected).toBeLessThanOrEqual(one.expected + ROUNDING);
      }),
    );
  });
});
