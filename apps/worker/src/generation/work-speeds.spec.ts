import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkSpeeds } from './work-speeds.js';

const noWork = { decodeRows: 0, acceptedTokens: 0, prefillTokens: 0 };
const decoding = (decodeRows: number, stepMs: number) => ({ ...noWork, decodeRows, stepMs });
const prefilling = (prefillTokens: number, stepMs: number) => ({ ...noWork, prefillTokens, stepMs });
const costMs = fc.double({ min: 0.01, max: 20, noNaN: true });
const mixed = fc.record({
  decodeRows: fc.integer({ min: 1, max: 16 }),
  acceptedTokens: fc.nat(6),
  prefillTokens: fc.integer({ min: 1, max: 256 }),
});

describe('the speeds of a worker', () => {
  it('are unknown before there was such work, and an empty step tells nothing', () => {
    const speeds = new WorkSpeeds();
    speeds.add(decoding(0, 5));
    expect([speeds.decodeTokensPerSecond(), speeds.prefillTokensPerSecond()]).toEqual([null, null]);
    speeds.add(prefilling(100, 50));
    expect([speeds.decodeTokensPerSecond(), speeds.prefillTokensPerSecond()]).toEqual([null, 2_000]);
  });

  it('are those of all rows of a step together', () => {
    const speeds = new WorkSpeeds();
    for (let step = 0; step < 10; step++) speeds.add(decoding(8, 20));
    expect(speeds.decodeTokensPerSecond()).toBeCloseTo(400);
  });

  it('count the drafted tokens that were right, as they shorten the wait of others', () => {
    const speeds = new WorkSpeeds();
    for (let step = 0; step < 10; step++) speeds.add({ ...decoding(1, 20), acceptedTokens: 3 });
    expect(speeds.decodeTokensPerSecond()).toBeCloseTo(200);
  });

  it('are told exactly from steps that do both, where each token has its cost', () => {
    fc.assert(
      fc.property(costMs, costMs, fc.array(mixed, { maxLength: 50 }), (decodeMs, prefillMs, steps) => {
        const speeds = new WorkSpeeds();
        speeds.add(prefilling(64, 64 * prefillMs));
        speeds.add(decoding(3, 3 * decodeMs));
        for (const step of steps) {
          const decodedTokens = step.decodeRows + step.acceptedTokens;
          speeds.add({ ...step, stepMs: decodedTokens * decodeMs + step.prefillTokens * prefillMs });
        }
        expect((speeds.decodeTokensPerSecond() ?? 0) * decodeMs).toBeCloseTo(1_000, 3);
        expect((speeds.prefillTokensPerSecond() ?? 0) * prefillMs).toBeCloseTo(1_000, 3);
      }),
    );
  });

  it('account for all the time, even of a worker that does both in every step', () => {
    fc.assert(
      fc.property(mixed, costMs, (step, stepMs) => {
        const speeds = new WorkSpeeds();
        for (let i = 0; i < 5; i++) speeds.add({ ...step, stepMs });
        const seconds =
          (step.decodeRows + step.acceptedTokens) / (speeds.decodeTokensPerSecond() ?? 0) +
          step.prefillTokens / (speeds.prefillTokensPerSecond() ?? 0);
        expect((seconds * 1000) / stepMs).toBeCloseTo(1);
      }),
    );
  });

  it('follow a change within half a minute of work, and a single slow step hardly moves them', () => {
    const speeds = new WorkSpeeds();
    for (let step = 0; step < 1_000; step++) speeds.add(decoding(1, 10));
    speeds.add(decoding(1, 500));
    expect(speeds.decodeTokensPerSecond()).toBeGreaterThan(90);
    for (let step = 0; step < 300; step++) speeds.add(decoding(1, 100));
    expect(speeds.decodeTokensPerSecond()).toBeCloseTo(10, -1);
    expect(speeds.decodeTokensPerSecond()).toBeLessThan(16);
  });
});
