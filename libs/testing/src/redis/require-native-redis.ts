import type { TestContext } from 'vitest';
import type { TestRedis } from './start-test-redis.js';

/**
 * Skips a test that the embedded Redis cannot pass: it keeps nothing over a restart, and blocking commands of a client
 * that has left still take from its lists.
 */
export function requireNativeRedis(context: TestContext, redis: TestRedis): void {
  context.skip(redis.kind !== 'native', 'needs redis-server or valkey-server on the PATH');
}
