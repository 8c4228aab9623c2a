import { describe, expect, it } from 'vitest';
import {
  draftLength,
  learnAcceptance,
  learnStep,
  UNKNOWN_ACCEPTANCE,
  UNKNOWN_TIMES,
  type StepTimes,
} from './speculation-gate.js';

interface Machine {
  readonly plainMs: number;
  readonly draftTokenMs: number;
}

/** Runs the gate against a machine for some steps; returns the lengths of the drafts it ran. */
function drive(machine: (step: number) => Machine, acceptance: number, steps: number, rows = 1) {
  let times: StepTimes = UNKNOWN_TIMES;
  return Array.from({ length: steps }, (_, step) => {
    const length = draftLength(times, acceptance, rows);
    const { plainMs, draftTokenMs } = machine(step);
    times = learnStep(times, plainMs + length * draftTokenMs, length);
    return length;
  });
}

const share = (lengths: readonly number[]) => lengths.filter((length) => length > 0).length / lengths.length;

describe('the gate of drafts', () => {
  it('measures plain decoding first, then a few short drafts', () => {
    expect(drive(() => ({ plainMs: 10, draftTokenMs: 1 }), 0.9, 5)).toEqual([0, 1, 1, 1, 7]);
  });

  it('runs longer drafts the more often they are right and the cheaper they are', () => {
    const lengthOf = (acceptance: number, draftTokenMs: number) =>
      drive(() => ({ plainMs: 10, draftTokenMs }), acceptance, 10).at(-1)!;
    expect([0.2, 0.5, 0.7, 0.9].map((acceptance) => lengthOf(acceptance, 1))).toEqual([1, 3, 5, 7]);
    expect([9, 4, 1].map((draftTokenMs) => lengthOf(0.8, draftTokenMs))).toEqual([0, 3, 5]);
  });

  it('all but stops where drafts cost more than they bring, yet looks again', () => {
    const lengths = drive(() => ({ plainMs: 10, draftTokenMs: 8 }), 0.5, 2000);
    expect(share(lengths)).toBeLessThan(0.01);
    expect(share(lengths.slice(500))).toBeGreaterThan(0);
  });

  it('turns round when the machine does', () => {
    const machine = (step: number) => ({ plainMs: 10, draftTokenMs: step < 1000 ? 9 : 1 });
    const lengths = drive(machine, 0.8, 4000);
    expect(share(lengths.slice(100, 1000))).toBeLessThan(0.01);
    expect(share(lengths.slice(-500))).toBeGreaterThan(0.9);
    const slowed = drive((step) => machine(1999 - step), 0.8, 4000);
    expect(share(slowed.slice(500, 900))).toBeGreaterThan(0.9);
    expect(share(slowed.slice(-500))).toBeLessThan(0.02);
  });

  it('is not fooled by the first run of a new shape', () => {
    const lengths = drive((step) => ({ plainMs: 10, draftTokenMs: step === 1 ? 200 : 1 }), 0.8, 20);
    expect(lengths.slice(5).every((length) => length === 5)).toBe(true);
  });

  it('keeps measuring plain decoding while drafts run', () => {
    const lengths = drive(() => ({ plainMs: 10, draftTokenMs: 1 }), 0.9, 650);
    expect(lengths.slice(10).filter((length) => length === 0).length).toBeGreaterThanOrEqual(9);
  });

  it('asks more of a draft beside another text, which it holds up', () => {
    const lengths = (rows: number) => drive(() => ({ plainMs: 10, draftTokenMs: 3 }), 0.5, 10, rows);
    expect([lengths(1).at(-1), lengths(2).at(-1)]).toEqual([1, 0]);
  });

  it('never runs drafts of a text whose guesses are wrong, and learns what a text is like', () => {
    const learn = (isRight: (i: number) => boolean) =>
      Array.from({ length: 60 }, (_, i) => isRight(i)).reduce(learnAcceptance, UNKNOWN_ACCEPTANCE);
    expect(learn(() => false)).toBeLessThan(0.01);
    expect(learn(() => true)).toBeGreaterThan(0.99);
    expect(learn((i) => i % 2 === 0)).toBeCloseTo(0.5, 1);
    expect(share(drive(() => ({ plainMs: 10, draftTokenMs: 0 }), 0.05, 1000))).toBe(0);
  });
});
