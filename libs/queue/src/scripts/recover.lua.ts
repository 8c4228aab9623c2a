import { jobScript } from './redis-script.js';

/**
 * A running job that no worker holds goes back to the queue, or ends: cancelled if that was asked, failed if it
 * has cost too many workers.
 *
 * KEYS 8 BullMQ lock
 * Returns 'queued', 'cancelled', 'failed', or 'unchanged' where the job is not running or is held.
 */
export const requeueScript = jobScript(`
if get('status') ~= 'running' or redis.call('EXISTS', KEYS[8]) == 1 then return 'unchanged' end
return loseAttempt()
`);

/**
 * A worker that shuts down gives a running job back; that counts as no loss.
 *
 * KEYS 8 BullMQ lock
 * ARGV 3 lock token · 4 attempt
 * Returns 'queued' (also where it had not started), 'cancelled', 'finished', or 'lost' where the lease holds nothing.
 */
export const handBackScript = jobScript(`
if redis.call('GET', KEYS[8]) ~= ARGV[3] then return 'lost' end
local status = get('status')
if not status or isFinal(status) then return 'finished' end
if status == 'queued' then return 'queued' end
if get('attempt') ~= ARGV[4] then return 'lost' end
if get('cancelRequestedAtMs') then
  conclude('cancelled', 'finishReason', 'cancelled')
  return 'cancelled'
end
backToQueue()
return 'queued'
`);

/**
 * A job that BullMQ no longer holds would stay open for ever; it fails.
 *
 * KEYS 8 BullMQ lock · 9 BullMQ job
 * Returns 'failed', or 'unchanged' where the job has ended or BullMQ still has it.
 */
export const failLostScript = jobScript(`
local status = get('status')
if not status or isFinal(status) then return 'unchanged' end
if redis.call('EXISTS', KEYS[8]) == 1 then return 'unchanged' end
if redis.call('EXISTS', KEYS[9]) == 1 and not redis.call('HGET', KEYS[9], 'finishedOn') then return 'unchanged' end
fail('worker_lost', 'The queue no longer holds this job; submit it again.')
return 'failed'
`);

/**
 * Expires a job that has not started by its \`start_by\`.
 *
 * Returns 'expired' or 'unchanged'.
 */
export const expireScript = jobScript(`
local startByMs = get('startByMs')
if get('status') ~= 'queued' or get('startedAtMs') or not startByMs then return 'unchanged' end
if tonumber(nowMs) <= tonumber(startByMs) then return 'unchanged' end
conclude('expired')
return 'expired'
`);
