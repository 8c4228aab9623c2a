import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { WakeUp } from './wake-up.js';

const LONG_MS = 60_000;

describe('WakeUp', () => {
  it('is heard by the next wait although it rang before', async () => {
    const wakeUp = new WakeUp();
    wakeUp.ring();
    await expect(wakeUp.wait(LONG_MS)).resolves.toBeUndefined();
  });

  it('ends a wait, and one wait only', async () => {
    const wakeUp = new WakeUp();
    const waiting = wakeUp.wait(LONG_MS);
    wakeUp.ring();
    await waiting;
    const next = await Promise.race([wakeUp.wait(LONG_MS).then(() => 'rang'), Promise.resolve('waits')]);
    expect(next).toBe('waits');
    wakeUp.ring();
  });

  it('waits no longer than its time', async () => {
    await expect(new WakeUp().wait(1)).resolves.toBeUndefined();
  });

  it('ends on abort and leaves no listener behind', async () => {
    const { signal, abort } = (() => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: () => controller.abort() };
    })();
    const wakeUp = new WakeUp();
    await wakeUp.wait(1, signal);
    const waiting = wakeUp.wait(LONG_MS, signal);
    abort();
    await waiting;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
