import { jobScript } from './redis-script.js';

/**
 * An attempt takes its job: running, or not at all.
 *
 * KEYS 8 BullMQ lock
 * ARGV 3 lock token · 4 attempt · 5 review at (ms)
 * Returns {'started', record}, {'skip', reason} or {'lost'}. A second call of the same attempt changes nothing.
 */
export const startScript = jobScript(`
local status = get('status')
if not status then return { 'skip', 'gone' } end
if redis.call('GET', KEYS[8]) ~= ARGV[3] then return { 'lost' } end
if status == 'cancelled' or status == 'expired' then return { 'skip', status } end
if isFinal(status) then return { 'skip', 'already-finished' } end

local attempt = tonumber(ARGV[4])
local last = tonumber(get('attempt'))
if status == 'running' and attempt == last then return { 'started', all() } end
if attempt <= last then return { 'lost' } end

if status == 'running' then
  local outcome = loseAttempt()
  if outcome == 'cancelled' then return { 'skip', 'cancelled' } end
  if outcome == 'failed' then return { 'skip', 'already-finished' } end
end
local startByMs = get('startByMs')
if startByMs and not get('startedAtMs') and tonumber(nowMs) > tonumber(startByMs) then
  conclude('expired')
  return { 'skip', 'expired' }
end

moveTo('running')
redis.call('HSET', record, 'attempt', ARGV[4])
redis.call('HSETNX', record, 'startedAtMs', nowMs)
redis.call('ZADD', watch, ARGV[5], get('tenant') .. '/' .. jobId)
emit(ARGV[4] .. '-0', 'type', 'status', 'status', 'running', 'attempt', ARGV[4])
return { 'started', all() }
`);
