import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAttempt,
  changeEndpoint,
  createEndpoint,
  FAILING_FOR_MS,
  rotateSecret,
  signingSecrets,
} from './webhook-endpoint.js';

const fresh = createEndpoint({ url: 'https://hook.example/' }, 0);
const DAY_MS = 24 * 3_600_000;

describe('the secrets of an endpoint', () => {
  it('both sign while the old one lasts, the new one first', () => {
    const rotated = rotateSecret(fresh, DAY_MS, 1_000);
    expect(signingSecrets(rotated, 1_000 + DAY_MS - 1)).toEqual([rotated.secret, fresh.secret]);
    expect(signingSecrets(rotated, 1_000 + DAY_MS)).toEqual([rotated.secret]);
  });

  it('are two at most, and one where the old one is to end at once', () => {
    const twice = rotateSecret(rotateSecret(fresh, DAY_MS, 0), DAY_MS, 1);
    expect(signingSecrets(twice, 2)).toHaveLength(2);
    expect(signingSecrets(rotateSecret(fresh, 0, 0), 0)).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  it('is disabled by 410, and enabled again by its owner', () => {
    const gone = afterAttempt(fresh, 'gone', 7);
    expect(gone.disabled).toEqual({ reason: 'gone', atMs: 7 });
    expect(changeEndpoint(gone, { enabled: true }, 8)).toEqual(fresh);
  });

  it('keeps the reason of its first disablement', () => {
    const gone = afterAttempt(fresh, 'gone', 7);
    expect(changeEndpoint(gone, { enabled: false }, 8).disabled).toEqual({ reason: 'gone', atMs: 7 });
    expect(afterAttempt(gone, 'delivered', 9)).toBe(gone);
  });

  it('is disabled by failures exactly when none of five days succeeded', () => {
    const attempt = fc.record({
      afterMs: fc.integer({ min: 0, max: 2 * DAY_MS }),
      outcome: fc.constantFrom<'failed' | 'refused' | 'delivered'>(
        'failed',
        'refused',
        'failed',
        'refused',
        'failed',
        'delivered',
      ),
    });
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 40 }), (attempts) => {
        let endpoint = fresh;
        let nowMs = 0;
        let failingSinceMs: number | null = null;
        let isDisabled = false;
        for (const { afterMs, outcome } of attempts) {
          nowMs += afterMs;
          endpoint = afterAttempt(endpoint, outcome, nowMs);
          if (isDisabled) continue;
          if (outcome === 'delivered') failingSinceMs = null;
          else failingSinceMs ??= nowMs;
          isDisabled = failingSinceMs !== null && nowMs - failingSinceMs >= FAILING_FOR_MS;
          expect(endpoint.disabled).toEqual(isDisabled ? { reason: 'failing', atMs: nowMs } : null);
        }
      }),
    );
  });
});
