import { jobScript } from './redis-script.js';

/** How often a job is run that fails by a fault of ours. */
const MAX_TRIES = 3;

/**
 * The fenced end of an attempt: only the holder of BullMQ's lock may write it.
 *
 * ARGV 3 lock token · 4 attempt · 5 final status · 6 '1' where the fault is ours · 7 where texts and usage are the
 * stream's: why the unfinished ones ended, else '' · 8… record fields and values
 * Returns {'written'}, {'lost'}, or {'retry-later', tries} where the job goes back to the queue instead. An attempt that
 * has not started may only fail its job. A second call of the same lease answers as the first did and changes nothing.
 */
export const finishScript = jobScript(`
local status = get('status')
if not status then return { 'lost' } end
if isFinal(status) then return { get('finishedBy') == ARGV[3] and 'written' or 'lost' } end

local attempt, last = tonumber(ARGV[4]), tonumber(get('attempt'))
if status == 'queued' and attempt == last and get('returnedBy') == ARGV[3] then
  return { 'retry-later', get('tries') }
end
if holder() ~= ARGV[3] then return { 'lost' } end
if attempt < last or (attempt == last and status == 'queued') then return { 'lost' } end
if not legal[status][ARGV[5]] then return { 'lost' } end

set('attempt', ARGV[4])
local tries = get('tries') + 1
if ARGV[6] == '1' and tries < ${MAX_TRIES} and not get('cancelRequestedAtMs') then
  set('tries', tries, 'returnedBy', ARGV[3])
  backToQueue()
  return { 'retry-later', tostring(tries) }
end
set('finishedBy', ARGV[3])
if ARGV[7] == '' then
  conclude(ARGV[5], unpack(ARGV, 8))
else
  concludeFromStream(ARGV[5], ARGV[7], unpack(ARGV, 8))
end
return { 'written' }
`);
