import { jobScript } from './redis-script.js';

/**
 * Cancels a job of a tenant: at once where no worker holds it, else by asking its worker.
 *
 * KEYS 8 BullMQ lock
 * ARGV 3 tenant · 4 channel of cancellations
 * Returns {'not-found'} or {'cancelled' | 'cancelling' | 'already-finished', record}.
 */
export const cancelScript = jobScript(`
if get('tenant') ~= ARGV[3] then return { 'not-found' } end
local status = get('status')
if isFinal(status) then return { 'already-finished', all() } end
redis.call('HSETNX', record, 'cancelRequestedAtMs', nowMs)
if status == 'running' and redis.call('EXISTS', KEYS[8]) == 1 then
  redis.call('PUBLISH', ARGV[4], jobId)
  return { 'cancelling', all() }
end
conclude('cancelled', 'finishReason', 'cancelled')
return { 'cancelled', all() }
`);
