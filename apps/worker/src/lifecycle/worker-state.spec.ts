import { describe, expect, it } from 'vitest';
import { HEARTBEAT_TTL_MS } from '#contracts';
import { WorkerState } from './worker-state.js';

describe('worker state', () => {
  it('is ready once it serves its model and Redis has answered', () => {
    const state = new WorkerState();
    expect(state.readiness(0)).toEqual({ ready: false, reason: 'starting' });
    state.modelServed();
    expect(state.readiness(0)).toEqual({ ready: false, reason: 'redis-unreachable' });
    state.redisAnswered(0);
    expect(state.readiness(HEARTBEAT_TTL_MS)).toEqual({ ready: true });
  });

  it('is not ready while Redis is silent, and again when it answers', () => {
    const state = new WorkerState();
    state.modelServed();
    state.redisAnswered(0);
    expect(state.readiness(HEARTBEAT_TTL_MS + 1)).toEqual({ ready: false, reason: 'redis-unreachable' });
    state.redisAnswered(HEARTBEAT_TTL_MS + 1);
    expect(state.readiness(HEARTBEAT_TTL_MS + 1)).toEqual({ ready: true });
  });

  it('never becomes ready again once it drains', () => {
    const state = new WorkerState();
    state.redisAnswered(0);
    state.drainBegun();
    state.modelServed();
    expect(state.readiness(0)).toEqual({ ready: false, reason: 'draining' });
  });
});
