import { jobScript } from './redis-script.js';

/**
 * Cancels a job of a tenant: at once where no worker holds it, else by asking its worker.
 *
 * ARGV 3 tenant · 4 channel of cancellations
 * Returns {'not-found'} or {'cancelled' | 'cancelling' | 'already-finished', record}.
 */
export const cancelScript = jobScript(`
if not isVisibleTo(ARGV[3]) then return { 'not-found' } end
local status = get('status')
if isFinal(status) then return { 'already-finished', all() } end
redis.call('HSETNX', record, 'cancelRequestedAtMs', nowMs)
if status == 'running' and holder() then
  redis.call('PUBLISH', ARGV[4], jobId)
  return { 'cancelling', all() }
end
concludeCancelled()
return { 'cancelled', all() }
`);
