import { jobScript } from './redis-script.js';

/**
 * A running job that no worker holds goes back to the queue, or ends: cancelled if that was asked, failed if it has
 * cost too many workers.
 *
 * Returns 'queued', 'cancelled', 'failed', or 'unchanged' where the job is not running or is held.
 */
export const requeueScript = jobScript(`
if get('status') ~= 'running' or holder() then return 'unchanged' end
return loseAttempt()
`);

/**
 * A worker that shuts down gives a running job back; that counts as no loss.
 *
 * ARGV 3 lock token · 4 attempt
 * Returns 'queued' (also where it had not started), 'cancelled', 'finished', or 'lost' where the lease holds nothing.
 */
export const handBackScript = jobScript(`
if holder() ~= ARGV[3] then return 'lost' end
local status = get('status')
if not status or isFinal(status) then return 'finished' end
if status == 'queued' then return 'queued' end
if get('attempt') ~= ARGV[4] then return 'lost' end
if get('cancelRequestedAtMs') then
  concludeCancelled()
  return 'cancelled'
end
backToQueue()
return 'queued'
`);

/**
 * Expires a waiting job that is past its \`start_by\`, or past its \`timeout_s\` where it has started before.
 *
 * Returns 'expired' or 'unchanged'.
 */
export const expireScript = jobScript(`
return get('status') == 'queued' and expireIfOverdue() and 'expired' or 'unchanged'
`);
