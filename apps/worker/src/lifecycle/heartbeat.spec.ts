import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HEARTBEAT_INTERVAL_MS, type WorkerHeartbeat } from '#contracts';
import { Heartbeat } from './heartbeat.js';

const reading = (lastSeenMs: number): WorkerHeartbeat => ({
  workerId: 'w1',
  model: 'm',
  variant: '8_0',
  device: 'cpu',
  gpu: null,
  contextTokens: 64,
  slots: 2,
  slotsUsed: 0,
  bitsPerWeight: 8,
  memoryBytes: 1,
  tokensPerSecond: 0,
  decodeTokensPerSecond: null,
  prefillTokensPerSecond: null,
  status: 'ready',
  startedAtMs: 0,
  lastSeenMs,
});

/** A registry that answers when told to; keeps one ordered trace. */
function recordingRegistry() {
  const trace: string[] = [];
  const waiting: PromiseWithResolvers<boolean>[] = [];
  const heartbeat = () =>
    new Heartbeat({
      takeReading: () => reading(Date.now()),
      publish: (beat) => {
        trace.push(`publish ${beat.lastSeenMs}`);
        const answer = Promise.withResolvers<boolean>();
        waiting.push(answer);
        return answer.promise;
      },
      withdraw: async () => {
        trace.push('withdraw');
      },
      onPublished: () => trace.push('answered'),
      onError: (error) => trace.push(`error ${String(error)}`),
    });
  return {
    trace,
    heartbeat,
    answer: (taken = true) => waiting.shift()?.resolve(taken),
    fail: () => waiting.shift()?.reject('away'),
  };
}

describe('heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('beats at once and then every interval, never two at a time', async () => {
    const registry = recordingRegistry();
    registry.heartbeat();
    await vi.advanceTimersByTimeAsync(3 * HEARTBEAT_INTERVAL_MS);
    expect(registry.trace).toEqual(['publish 0']);
    registry.answer();
    await vi.advanceTimersByTimeAsync(HEARTBEAT_INTERVAL_MS);
    expect(registry.trace).toEqual(['publish 0', 'answered', `publish ${4 * HEARTBEAT_INTERVAL_MS}`]);
  });

  it('goes on after a beat that failed', async () => {
    const registry = recordingRegistry();
    registry.heartbeat();
    registry.fail();
    await vi.advanceTimersByTimeAsync(HEARTBEAT_INTERVAL_MS);
    expect(registry.trace).toEqual(['publish 0', 'error away', `publish ${HEARTBEAT_INTERVAL_MS}`]);
  });

  it('counts as published only where the registry has taken it', async () => {
    const registry = recordingRegistry();
    registry.heartbeat();
    registry.answer(false);
    await vi.advanceTimersByTimeAsync(HEARTBEAT_INTERVAL_MS);
    registry.answer();
    await vi.advanceTimersByTimeAsync(1);
    expect(registry.trace).toEqual(['publish 0', `publish ${HEARTBEAT_INTERVAL_MS}`, 'answered']);
  });

  it('is withdrawn after its last beat, and silent from then on', async () => {
    const registry = recordingRegistry();
    const heartbeat = registry.heartbeat();
    const stopping = heartbeat.stop();
    registry.answer();
    await stopping;
    heartbeat.beat();
    await vi.advanceTimersByTimeAsync(2 * HEARTBEAT_INTERVAL_MS);
    expect(registry.trace).toEqual(['publish 0', 'answered', 'withdraw']);
  });
});
