import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttemptAborted } from '#queue';
import { openAttemptSignals } from './attempt-signals.js';

const endless = { timeoutMs: null, startedAtMs: 0 };

describe('signals of an attempt', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(['lost', 'shutdown'] as const)('%s stops generation and forbids further writes', (kind) => {
    const queue = new AbortController();
    const signals = openAttemptSignals(endless, queue.signal, 0);
    queue.abort(new AttemptAborted(kind));
    expect([signals.stop.aborted, signals.handedOver.aborted, signals.stopCause()]).toEqual([
      true,
      true,
      kind,
    ]);
  });

  it('cancelled stops generation and lets the partial text be written', () => {
    const queue = new AbortController();
    const signals = openAttemptSignals(endless, queue.signal, 0);
    queue.abort(new AttemptAborted('cancelled'));
    expect([signals.stop.aborted, signals.handedOver.aborted, signals.stopCause()]).toEqual([
      true,
      false,
      'cancelled',
    ]);
  });

  it('the deadline stops generation and lets the partial text be written', () => {
    const signals = openAttemptSignals({ timeoutMs: 100, startedAtMs: 0 }, new AbortController().signal, 0);
    expect(signals.stopCause()).toBeUndefined();
    vi.advanceTimersByTime(100);
    expect([signals.stop.aborted, signals.handedOver.aborted, signals.stopCause()]).toEqual([
      true,
      false,
      'deadline',
    ]);
  });

  it('a loss after the deadline wins: nothing is written', () => {
    const queue = new AbortController();
    const signals = openAttemptSignals({ timeoutMs: 100, startedAtMs: 0 }, queue.signal, 0);
    vi.advanceTimersByTime(100);
    queue.abort(new AttemptAborted('lost'));
    expect([signals.handedOver.aborted, signals.stopCause()]).toEqual([true, 'lost']);
  });

  it('sees a signal that was aborted before it looked', () => {
    const signals = openAttemptSignals(endless, AbortSignal.abort(new AttemptAborted('shutdown')), 0);
    expect([signals.stop.aborted, signals.handedOver.aborted]).toEqual([true, true]);
  });
});
