import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeadlineExceeded, startDeadline } from './attempt-deadline.js';

describe('deadline of an attempt', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 10_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('comes when the running time is used up, not before', () => {
    const deadline = startDeadline({ timeoutMs: 500, startedAtMs: 10_000 }, Date.now());
    vi.advanceTimersByTime(499);
    expect(deadline.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(deadline.signal.reason).toBeInstanceOf(DeadlineExceeded);
  });

  it('counts from the first attempt', () => {
    const second = startDeadline({ timeoutMs: 500, startedAtMs: 9_600 }, Date.now());
    vi.advanceTimersByTime(100);
    expect(second.signal.aborted).toBe(true);
  });

  it('is past at once when an earlier attempt used all the time', () => {
    expect(startDeadline({ timeoutMs: 500, startedAtMs: 9_000 }, Date.now()).signal.aborted).toBe(true);
  });

  it('never comes without a timeout and leaves no timer', () => {
    const deadline = startDeadline({ timeoutMs: null, startedAtMs: 10_000 }, Date.now());
    expect(vi.getTimerCount()).toBe(0);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('leaves no timer once cleared', () => {
    const deadline = startDeadline({ timeoutMs: 500, startedAtMs: 10_000 }, Date.now());
    deadline.clear();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    expect(deadline.signal.aborted).toBe(false);
  });
});
