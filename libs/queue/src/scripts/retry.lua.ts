import { DONE_N } from '../event-ids.js';
import { jobScript } from './redis-script.js';

/** How long the relay may take to tell the events of a run whose job was retried meanwhile. */
const FORMER_RUN_KEPT_MS = 3 * 24 * 60 * 60 * 1_000;

/**
 * Has a job of a tenant that ended without success run again, from its prompt.
 *
 * ARGV 3 tenant · 4 review at (ms) · 5 most waiting jobs · 6 most waiting tokens
 * Returns {'not-found'}, {'full', record, waiting jobs, waiting tokens} or {'queued' | 'not-finished' | 'succeeded', record}. Attempts go on counting, and the events of
 * the new run follow the old ones' ids, though the old stream is gone.
 */
export const retryScript = jobScript(`
if not isVisibleTo(ARGV[3]) then return { 'not-found' } end
local status = get('status')
if status == 'succeeded' then return { 'succeeded', all() } end
if not isFinal(status) then return { 'not-finished', all() } end

local full = refusalOf(get('promptTokens') + get('maxTokens'), ARGV[5], ARGV[6])
if full then return { 'full', all(), full[2], full[3] } end
if get('announced') then
  -- The relay may still have to tell how this run went.
  local former = record .. ':run:' .. get('retries')
  redis.call('HSET', former, unpack(all()))
  redis.call('PEXPIRE', former, ${FORMER_RUN_KEPT_MS})
end
moveTo('queued')
redis.call('HDEL', record, 'choices', 'usage', 'timings', 'failure', 'cancelRequestedAtMs', 'startByMs',
  'startedAtMs', 'finishedAtMs', 'finishedBy', 'returnedBy', 'heldBy', 'announced', 'losses', 'tokensAtLoss', 'reportedAttempt')
set('tries', 0, 'deaths', '[]')
local run = redis.call('HINCRBY', record, 'retries', 1)
redis.call('PERSIST', record)
redis.call('DEL', stream)
redis.call('ZREM', deadLetters(), jobId)
watchAt(ARGV[4])
local attempt = get('attempt')
emitStatus(attempt .. '-' .. integer(${DONE_N} + 2 * run - 1), 'queued', attempt)
return { 'queued', all() }
`);
