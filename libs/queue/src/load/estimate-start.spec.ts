import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateStart, type StartFacts } from './estimate-start.js';

/** 10 ms a prompt token and 100 ms a generated one, whoever else runs. */
const worker = { slots: 4, prefillTokensPerSecond: 100, decodeTokensPerSecond: 10 };
const exact = (mean: number) => ({ mean, deviation: 0 });
const NOW = 1_000_000;
const running = (sinceS: number, maxTokens = 10) => ({
  sinceMs: NOW - sinceS * 1000,
  promptTokens: 100,
  maxTokens,
});
const ahead = (jobs: number, maxTokens = 10) => ({
  jobs,
  promptTokens: 100 * jobs,
  maxTokens: maxTokens * jobs,
});

/** Every job takes its worker 1 s for the prompt and 1 s for 10 tokens: 8 s in one of four slots. */
const facts: StartFacts = {
  ahead: ahead(0),
  running: [running(0), running(2), running(4), running(6)],
  lengths: { tokens: exact(10), share: { mean: 0.5, deviation: 1 } },
  workers: [worker],
  nowMs: NOW,
};
const expectedOf = (change: Partial<StartFacts>) => estimateStart({ ...facts, ...change })?.expected;

describe('a job that waits', () => {
  it('starts at once where a slot is free for it, whatever is known of speed', () => {
    const unmeasured = [{ slots: 5, prefillTokensPerSecond: null, decodeTokensPerSecond: null }];
    const now = { low: 0, expected: 0, high: 0 };
    expect(estimateStart({ ...facts, workers: unmeasured, lengths: null })).toEqual(now);
    expect(estimateStart({ ...facts, running: [], ahead: ahead(3) })).toEqual(now);
  });

  it('starts when the first slot comes free, and the next ones after it', () => {
    expect([0, 1, 2, 3].map((jobs) => expectedOf({ ahead: ahead(jobs) }))).toEqual([2, 4, 6, 8]);
  });

  it('waits for slots to come free again, each after the time of a job ahead', () => {
    expect([4, 5, 8, 400].map((jobs) => expectedOf({ ahead: ahead(jobs) }))).toEqual([10, 12, 18, 802]);
  });

  it('waits for prompts as well as for texts', () => {
    expect(expectedOf({ ahead: { ...ahead(4), promptTokens: 0 } })).toBe(6);
  });

  it('waits a little for a job that has run for longer than expected', () => {
    expect(expectedOf({ running: Array.from({ length: 4 }, () => running(50)) })).toBeCloseTo(0.8);
  });

  it('goes by the length that texts have, or by what they are allowed, whichever tells more', () => {
    expect(expectedOf({ ahead: ahead(4, 1_000) })).toBe(10);
    const byShare = { tokens: { mean: 10, deviation: 9 }, share: exact(0.5) };
    // The running jobs take 6 s each; the longest has run as long, the first of the jobs ahead takes 8 s.
    expect(expectedOf({ ahead: ahead(4, 20), lengths: byShare })).toBe(0.6 + 8);
  });

  it('has no estimate where nobody serves it or nothing was measured', () => {
    expect(estimateStart({ ...facts, workers: [] })).toBeNull();
    expect(estimateStart({ ...facts, lengths: null })).toBeNull();
    expect(estimateStart({ ...facts, workers: [{ ...worker, decodeTokensPerSecond: null }] })).toBeNull();
    expect(estimateStart({ ...facts, workers: [{ ...worker, prefillTokensPerSecond: null }] })).toBeNull();
  });

  it('takes a worker that has measured nothing to be like the others', () => {
    const fresh = { slots: 4, prefillTokensPerSecond: null, decodeTokensPerSecond: null };
    const pair = { running: [...facts.running, ...facts.running], ahead: ahead(80) };
    expect(expectedOf({ ...pair, workers: [worker, fresh] })).toBe(
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
const anyFacts: fc.Arbitrary<StartFacts> = fc.record({
  ahead: fc
    .record({ jobs: fc.nat(500), promptTokens: fc.nat(2_000), maxTokens: fc.integer({ min: 1, max: 2_000 }) })
    .map(({ jobs, ...size }) => ({
      jobs,
      promptTokens: size.promptTokens * jobs,
      maxTokens: size.maxTokens * jobs,
    })),
  running: fc.array(
    fc.record({
      sinceMs: fc.integer({ min: NOW - 100_000, max: NOW + 1_000 }),
      promptTokens: fc.nat(2_000),
      maxTokens: fc.integer({ min: 1, max: 2_000 }),
    }),
    { maxLength: 16 },
  ),
  lengths: fc.record({ tokens: moments(1_000), share: moments(1) }),
  workers: fc.array(speeds, { minLength: 1, maxLength: 3 }),
  nowMs: fc.constant(NOW),
});

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
        const more = {
          ...given.ahead,
          promptTokens: given.ahead.promptTokens + prompt,
          maxTokens: given.ahead.maxTokens + most,
        };
        const [less, later] = [estimate(given), estimate({ ...given, ahead: more })];
        expect(later.expected).toBeGreaterThanOrEqual(less.expected);
      }),
    );
  });

  it('is no earlier with one more job like those ahead', () => {
    fc.assert(
      fc.property(anyFacts, (given) => {
        const { jobs, promptTokens, maxTokens } = given.ahead;
        fc.pre(jobs > 0);
        const grown = (jobs + 1) / jobs;
        const more = { jobs: jobs + 1, promptTokens: promptTokens * grown, maxTokens: maxTokens * grown };
        const [less, later] = [estimate(given), estimate({ ...given, ahead: more })];
        // They are rounded to hundredths.
        expect(later.expected).toBeGreaterThanOrEqual(less.expected - 0.011);
      }),
    );
  });

  it('is no later with one more worker of the same kind', () => {
    fc.assert(
      fc.property(anyFacts, speeds, (given, kind) => {
        const [one, two] = [
          estimate({ ...given, workers: [kind] }),
          estimate({ ...given, workers: [kind, kind] }),
        ];
        expect(two.expected).toBeLessThanOrEqual(one.expected + 0.011);
      }),
    );
  });
});
