import { jobScript } from './redis-script.js';

/**
 * The fenced end of an attempt: only the holder of BullMQ's lock may write it.
 *
 * KEYS 8 BullMQ lock
 * ARGV 3 lock token · 4 attempt · 5 final status · 6… record fields and values
 * Returns 'written' or 'lost'. An attempt that has not started may only fail its job. A second call of the same lease answers as the first did and changes nothing.
 */
export const finishScript = jobScript(`
local status = get('status')
if not status then return 'lost' end
if isFinal(status) then
  return get('finishedBy') == ARGV[3] and 'written' or 'lost'
end
if redis.call('GET', KEYS[8]) ~= ARGV[3] then return 'lost' end
local attempt, last = tonumber(ARGV[4]), tonumber(get('attempt'))
if attempt < last or (attempt == last and status == 'queued') then return 'lost' end
if not legal[status][ARGV[5]] then return 'lost' end
redis.call('HSET', record, 'attempt', ARGV[4])
conclude(ARGV[5], 'finishedBy', ARGV[3], unpack(ARGV, 6))
return 'written'
`);
