import type { WorkerHeartbeat } from '#contracts';

/** What a worker of model `tiny`, variant `6_5`, tells that is ready and has measured nothing yet. */
export function newTestHeartbeat(overrides: Partial<WorkerHeartbeat> = {}): WorkerHeartbeat {
  return {
    workerId: 'w1',
    model: 'tiny',
    variant: '6_5',
    device: 'cpu',
    gpu: null,
    contextTokens: 512,
    slots: 1,
    slotsUsed: 0,
    bitsPerWeight: 6.5,
    memoryBytes: 1,
    tokensPerSecond: 0,
    decodeTokensPerSecond: null,
    prefillTokensPerSecond: null,
    status: 'ready',
    startedAtMs: 1,
    lastSeenMs: Date.now(),
    ...overrides,
  };
}
