import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAnswer, parseRetryAfterMs } from './delivery-outcome.js';

const now = Date.parse('2026-11-24T12:00:00Z');

describe('an answer', () => {
  it('is success exactly when its status is 2xx', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), (status) => {
        expect(judgeAnswer(status, undefined, now).kind === 'delivered').toBe(status < 300);
      }),
    );
  });

  it('of 410 ends the delivery', () => {
    expect(judgeAnswer(410, '5', now)).toEqual({ kind: 'gone', statusCode: 410 });
  });

  it.each([301, 302, 303, 307, 308])('of %i is a failure: redirects are not followed', (status) => {
    expect(judgeAnswer(status, undefined, now)).toMatchObject({ kind: 'failed', statusCode: status });
  });

  it.each([429, 502, 503, 504])('of %i is waited for as long as it says', (status) => {
    expect(judgeAnswer(status, '120', now)).toMatchObject({ kind: 'failed', retryAfterMs: 120_000 });
  });

  it('of another status sets no wait', () => {
    expect(judgeAnswer(500, '120', now)).toMatchObject({ kind: 'failed', retryAfterMs: null });
  });
});

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    [' 7 ', 7_000],
    ['Tue, 24 Nov 2026 12:01:00 GMT', 60_000],
    ['Tue, 24 Nov 2026 11:59:00 GMT', null],
    ['-1', null],
    ['1.5', null],
    ['2026', 2_026_000],
    ['9999999999', null],
    ['soon', null],
    ['', null],
    [undefined, null],
  ])('%o means %o ms', (header, expected) => {
    expect(parseRetryAfterMs(header, now)).toBe(expected);
  });

  it('never makes a wait that is negative or no number', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        const waitMs = parseRetryAfterMs(header, now);
        expect(waitMs === null || waitMs >= 0).toBe(true);
      }),
    );
  });
});
