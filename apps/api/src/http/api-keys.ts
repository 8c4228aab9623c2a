import { createHash, timingSafeEqual } from 'node:crypto';
import { DroverError } from '#contracts';

/** Tenant of every job where no API keys are configured. */
export const PUBLIC_TENANT = 'public';

export interface ApiKeyRing {
  /** sha256 of every configured key; empty where the API is open to the local machine. */
  readonly digests: readonly Buffer[];
}

export function createKeyRing(keys: readonly string[]): ApiKeyRing {
  return { digests: keys.map(digestOf) };
}

/**
 * Tenant that an `Authorization` header stands for. Compares digests of equal length in constant
 * time, and all of them, so that timing tells nothing about a key.
 * @throws DroverError `invalid_api_key`
 */
export function authenticate(ring: ApiKeyRing, authorization: string | undefined): string {
  if (ring.digests.length === 0) return PUBLIC_TENANT;
  const key = /^Bearer +(\S+)\s*$/i.exec(authorization ?? '')?.[1];
  if (key === undefined) {
    throw new DroverError(
      'invalid_api_key',
      'No API key was given. Send it as `Authorization: Bearer <key>`.',
    );
  }
  const given = digestOf(key);
  const matches = ring.digests.filter((digest) => timingSafeEqual(digest, given));
  if (matches.length === 0) {
    throw new DroverError(
      'invalid_api_key',
      'This API key is not known here. Check it with whoever runs the service.',
    );
  }
  return tenantOf(given);
}

/** Every tenant that a configured key stands for. */
export function tenantsOf({ digests }: ApiKeyRing): readonly string[] {
  return digests.length === 0 ? [PUBLIC_TENANT] : digests.map(tenantOf);
}

/** Short enough for key names and logs, long enough that two keys never meet. */
function tenantOf(digest: Buffer): string {
  return digest.toString('hex').slice(0, 16);
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
