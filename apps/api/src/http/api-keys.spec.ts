import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authenticate, createKeyRing, PUBLIC_TENANT } from './api-keys.js';

const KEYS = ['a-key-of-alice-0001', 'a-key-of-bob-000002'];
const ring = createKeyRing(KEYS);

describe('API keys', () => {
  it('stand for one tenant each, the same every time', () => {
    const [alice, bob] = KEYS.map((key) => authenticate(ring, `Bearer ${key}`));
    expect(alice).toMatch(/^[0-9a-f]{16}$/);
    expect(alice).not.toBe(bob);
    expect(authenticate(createKeyRing(KEYS.toReversed()), `bearer  ${KEYS[0]}`)).toBe(alice);
  });

  it('are refused unless they are whole', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!KEYS.includes(text));
        expect(() => authenticate(ring, `Bearer ${text}`)).toThrow(/API key/);
      }),
    );
    expect(() => authenticate(ring, undefined)).toThrow(/Authorization: Bearer/);
    expect(() => authenticate(ring, `Basic ${KEYS[0]}`)).toThrow(/Authorization: Bearer/);
  });

  it('are not needed where none are configured', () => {
    expect(authenticate(createKeyRing([]), undefined)).toBe(PUBLIC_TENANT);
  });
});
