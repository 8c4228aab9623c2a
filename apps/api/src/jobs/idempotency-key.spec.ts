import { expect, it } from 'vitest';
import { submitJobSchema } from '#contracts';
import { bodyDigest, idempotencyKeyOf } from './idempotency-key.js';

it('takes visible ASCII up to 255 characters', () => {
  expect(idempotencyKeyOf(undefined)).toBeUndefined();
  expect(idempotencyKeyOf('"quoted-7"')).toBe('"quoted-7"');
});

it.each(['', 'a b', 'ä', 'x'.repeat(256), ['a', 'b']])('refuses %j', (key) => {
  expect(() => idempotencyKeyOf(key)).toThrow(/idempotency-key/);
});

it('knows the same body in another order of fields', () => {
  const digest = (body: unknown) => bodyDigest(submitJobSchema.parse(body));
  const one = digest({ model: 'm', input: { prompt: 'x', seed: 1 }, priority: 2 });
  expect(digest({ priority: 2, input: { seed: 1, prompt: 'x' }, model: 'm' })).toBe(one);
  expect(digest({ model: 'm', input: { prompt: 'x', seed: 2 }, priority: 2 })).not.toBe(one);
});
