import { createHash } from 'node:crypto';
import { FINAL_JOB_STATUSES, JOB_STATUS_TRANSITIONS } from '#contracts';
import type { Redis } from 'ioredis';
import { DONE_N, REQUEUED_N } from '../event-ids.js';

/** Most workers that may be lost over one job before it is failed: it is likely what kills them. */
export const MAX_LOST_ATTEMPTS = 3;

/**
 * What every job script starts with. Its first keys are the same in all: record, event stream, watch set, webhook
 * outbox, finished jobs, webhook subscribers, load of the queue; its first arguments are the job's id and the time in Unix milliseconds.
 */
const PRELUDE = `
local record, stream, watch, outbox, finished = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local subscribers, load = KEYS[6], KEYS[7]
local jobId, nowMs = ARGV[1], ARGV[2]
local legal = ${toLuaTable(JOB_STATUS_TRANSITIONS)}
local final = ${toLuaSet(FINAL_JOB_STATUSES)}

local function get(name) return redis.call('HGET', record, name) end
local function all() return redis.call('HGETALL', record) end

local function emit(entryId, ...)
  redis.call('XADD', stream, entryId, ...)
  redis.call('PUBLISH', stream, entryId)
end

local function moveTo(status)
  local from = get('status')
  if not (from and legal[from][status]) then
    error('illegal job transition ' .. tostring(from) .. ' to ' .. status .. '. This is a bug.')
  end
  redis.call('HSET', record, 'status', status)
end

local function isFinal(status) return final[status] == true end

local function lists(commaList, member)
  return commaList and string.find(',' .. commaList .. ',', ',' .. member .. ',', 1, true)
end

-- An event is due where the job's own webhook or a standing endpoint of its tenant asks for it.
local function announce(event)
  if lists(get('notify'), event) or lists(redis.call('HGET', subscribers, get('tenant')), event) then
    redis.call('LPUSH', outbox, jobId .. ' ' .. event .. ' ' .. get('retries'))
  end
end

-- The end of a job, whoever brings it: status, count, stream end, expiry, webhook and the time to forget it.
local function conclude(status, ...)
  moveTo(status)
  redis.call('HSET', record, 'finishedAtMs', nowMs, ...)
  redis.call('HINCRBY', finished, get('model') .. ' ' .. get('variant') .. ' ' .. status, 1)
  emit(get('attempt') .. '-${DONE_N}', 'type', 'done', 'status', status)
  local ttlMs = get('ttlMs')
  redis.call('PEXPIRE', record, ttlMs)
  redis.call('PEXPIRE', stream, ttlMs)
  redis.call('ZADD', watch, string.format('%.0f', nowMs + ttlMs + 1000), get('tenant') .. '/' .. jobId)
  announce('job.' .. status)
end

local function fail(code, message)
  conclude('failed', 'finishReason', 'error', 'failure', cjson.encode({ code = code, message = message }))
end

-- Takes a running job from its attempt. The closing entry makes Redis refuse whatever that attempt still sends.
local function backToQueue()
  moveTo('queued')
  local attempt = get('attempt')
  emit(attempt .. '-${REQUEUED_N}', 'type', 'status', 'status', 'queued', 'attempt', attempt)
end

-- A running job whose worker is gone. Says what became of it: 'cancelled', 'failed' or 'queued'.
local function loseAttempt()
  if get('cancelRequestedAtMs') then
    conclude('cancelled', 'finishReason', 'cancelled')
    return 'cancelled'
  end
  local lost = redis.call('HINCRBY', record, 'lostAttempts', 1)
  if lost > ${MAX_LOST_ATTEMPTS} then
    fail('worker_lost', 'The job lost its worker ' .. lost .. ' times; it is not tried again.')
    return 'failed'
  end
  backToQueue()
  return 'queued'
end
`;

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

function toLuaTable(transitions: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(transitions).map(([from, to]) => `${from} = ${toLuaSet(to)}`);
  return `{ ${rows.join(', ')} }`;
}

function toLuaSet(members: readonly string[]): string {
  return `{ ${members.map((member) => `${member} = true`).join(', ')} }`;
}
