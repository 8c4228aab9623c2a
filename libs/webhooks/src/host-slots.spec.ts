import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostSlots, MOST_DEFERRAL_MS } from './host-slots.js';

const TIMEOUT_MS = 15_000;

/** Sends `count` deliveries to one host that takes `durationMs` for each; says how often any was put off. */
function simulate(count: number, durationMs: number, perHost: number, seed = 0.5) {
  const slots = new HostSlots(perHost);
  const events = Array.from({ length: count }, (_value, index) => ({ atMs: index, run: arrive }));
  let [underWay, mostUnderWay, deferrals, done, nowMs] = [0, 0, 0, 0, 0];

  function arrive() {
    const turn = slots.take('host', nowMs, seed);
    if (turn.kind === 'wait') {
      deferrals += 1;
      events.push({ atMs: nowMs + turn.delayMs, run: arrive });
      return;
    }
    mostUnderWay = Math.max(mostUnderWay, ++underWay);
    events.push({
      atMs: nowMs + durationMs,
      run() {
        turn.leave(nowMs);
        underWay -= 1;
        done += 1;
      },
    });
  }

  while (events.length > 0) {
    let next = 0;
    for (let i = 1; i < events.length; i++) {
      if ((events[i]?.atMs ?? 0) < (events[next]?.atMs ?? 0)) next = i;
    }
    const [event] = events.splice(next, 1);
    nowMs = event?.atMs ?? nowMs;
    event?.run();
  }
  return { deferrals, done, mostUnderWay, endedAtMs: nowMs, size: slots.size };
}

describe('the slots of a host', () => {
  it('never let more than their number in, and everyone in the end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: TIMEOUT_MS }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (count, durationMs, perHost, seed) => {
          const { done, mostUnderWay } = simulate(count, durationMs, perHost, seed);
          expect(done).toBe(count);
          expect(mostUnderWay).toBeLessThanOrEqual(perHost);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('put a delivery for a dead host off a few times, not over and over, however many wait', () => {
    for (const count of [200, 1_000]) {
      const { deferrals, done } = simulate(count, TIMEOUT_MS, 4);
      expect(done).toBe(count);
      expect(deferrals / count).toBeLessThan(20);
    }
  });

  it('bring deliveries back no more often than once in five minutes each, where the line is longer than that', () => {
    const slots = new HostSlots(1);
    slots.take('host', 0, 0);
    const delays = Array.from({ length: 10_000 }, (_value, index) => {
      const turn = slots.take('host', TIMEOUT_MS, (index % 100) / 100);
      return turn.kind === 'wait' ? turn.delayMs : 0;
    });
    expect(Math.max(...delays)).toBeLessThanOrEqual(MOST_DEFERRAL_MS);
    const mean = delays.reduce((sum, delayMs) => sum + delayMs, 0) / delays.length;
    expect(mean).toBeGreaterThan(MOST_DEFERRAL_MS / 2);
  });

  it('put little off for long once their host has recovered, whatever stood in line before', () => {
    const slots = new HostSlots(1);
    const stuck = slots.take('host', 0, 0);
    for (let i = 0; i < 50; i++) slots.take('host', TIMEOUT_MS, 0);
    if (stuck.kind === 'enter') stuck.leave(TIMEOUT_MS);
    for (let i = 0; i < 50; i++) {
      const quick = slots.take('host', TIMEOUT_MS + 2 * i, 0);
      if (quick.kind === 'enter') quick.leave(TIMEOUT_MS + 2 * i + 1);
    }
    slots.take('host', TIMEOUT_MS + 100, 0);
    const turn = slots.take('host', TIMEOUT_MS + 101, 0);
    expect(turn.kind === 'wait' && turn.delayMs).toBeLessThan(TIMEOUT_MS);
  });

  it('of one host tell nothing of another', () => {
    const slots = new HostSlots(1);
    slots.take('slow', 0, 0);
    expect(slots.take('slow', 1, 0).kind).toBe('wait');
    expect(slots.take('fast', 1, 0).kind).toBe('enter');
  });

  it('are forgotten when nothing is left to know', () => {
    const slots = new HostSlots(1);
    const turn = slots.take('host', 0, 0);
    expect(slots.size).toBe(1);
    if (turn.kind === 'enter') turn.leave(5);
    expect(slots.size).toBe(0);
  });
});
