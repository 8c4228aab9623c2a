import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { ENDING } from './prelude/ending.lua.js';
import { LOAD } from './prelude/load.lua.js';
import { LOSSES } from './prelude/losses.lua.js';
import { RECORD } from './prelude/record.lua.js';
import { STATUS } from './prelude/status.lua.js';
import { STREAM } from './prelude/stream.lua.js';

const PRELUDE = [RECORD, LOAD, STATUS, STREAM, ENDING, LOSSES].join('');

export interface RedisScript {
  readonly lua: string;
  readonly sha1: string;
}

/** A script over one job, with the prelude before it. */
export function jobScript(body: string): RedisScript {
  return plainScript(PRELUDE + body);
}

export function plainScript(lua: string): RedisScript {
  return { lua, sha1: createHash('sha1').update(lua).digest('hex') };
}

/** Runs a script by its digest; the text is sent only to a server that does not know it. */
export async function runScript(
  redis: Redis,
  script: RedisScript,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.eval(script.lua, keys.length, ...keys, ...args);
  }
}
