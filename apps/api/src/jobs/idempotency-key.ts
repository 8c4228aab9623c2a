import { createHash } from 'node:crypto';
import { DroverError, type SubmitJobRequest } from '#contracts';

/**
 * The `Idempotency-Key` header: opaque, up to 255 visible ASCII characters, quoted or not.
 * @throws DroverError `invalid_value`
 */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === 'string' && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new DroverError(
    'invalid_value',
    '`idempotency-key` must be 1 to 255 visible ASCII characters without spaces, such as a UUID.',
    { param: 'idempotency-key' },
  );
}

/** Digest of a parsed body: the order of fields and white space make no difference. */
export function bodyDigest(request: SubmitJobRequest): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}
