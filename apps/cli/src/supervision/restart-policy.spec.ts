import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideRestart, describeExit, type ProcessExit } from './restart-policy.js';

const crash: ProcessExit = { kind: 'code', code: 1 };
const killed: ProcessExit = { kind: 'signal', signal: 'SIGKILL' };

/** Waits before the restarts of a process that fails `times` times, each time after `uptimeMs`. */
function delaysMs(times: number, uptimeMs: number): number[] {
  const delays: number[] = [];
  let failuresInARow = 0;
  for (let i = 0; i < times; i++) {
    const decision = decideRestart(crash, uptimeMs, failuresInARow);
    if (decision.kind !== 'restart') throw new Error('gave up');
    delays.push(decision.delayMs);
    failuresInARow = decision.failuresInARow;
  }
  return delays;
}

describe('a process that ended by itself', () => {
  it('is started again after a wait that doubles up to half a minute', () => {
    expect(delaysMs(9, 100)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('waits no longer each time when it ran well in between', () => {
    expect(delaysMs(4, 3_600_000)).toEqual([500, 500, 500, 500]);
  });

  it('is started again after a kill and after a clean exit, which nobody asked for either', () => {
    expect(decideRestart(killed, 0, 0).kind).toBe('restart');
    expect(decideRestart({ kind: 'code', code: 0 }, 0, 0).kind).toBe('restart');
  });

  it('is left alone when its exit code says that a restart would end the same way', () => {
    expect(decideRestart({ kind: 'code', code: 78 }, 0, 0)).toEqual({ kind: 'give-up' });
    expect(decideRestart({ kind: 'code', code: 84 }, 0, 0)).toEqual({ kind: 'give-up' });
    expect(decideRestart({ kind: 'code', code: 137 }, 0, 0).kind).toBe('restart');
  });

  it('never waits less than before while it keeps failing, and never longer than the bound', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(59_999), (failures, uptimeMs) => {
        const now = decideRestart(crash, uptimeMs, failures);
        const next = decideRestart(crash, uptimeMs, failures + 1);
        if (now.kind !== 'restart' || next.kind !== 'restart') throw new Error('gave up');
        expect(next.delayMs).toBeGreaterThanOrEqual(now.delayMs);
        expect(next.delayMs).toBeLessThanOrEqual(30_000);
      }),
    );
  });
});

it('an exit is told in words', () => {
  expect(describeExit(crash)).toBe('exit code 1');
  expect(describeExit(killed)).toBe('signal SIGKILL');
});
