import { jobScript } from './redis-script.js';

/**
 * Notes on a job that the worker of its attempt is dead, as its supervisor saw. With the process gone nobody holds the
 * job any more, so its lock is freed and the job can be taken over at once.
 *
 * ARGV 3 attempt · 4 the worker's lock token, or '' where it is not known · 5 the death as JSON, or '' where the job is
 * not to blame
 * Returns 'noted', or 'unchanged' where the job has moved on or this was said before.
 */
export const noteDeathScript = jobScript(`
local token = holder()
-- An attempt that had not started left no trace in the record, but its token is its worker's alone.
if token and token == ARGV[4] then redis.call('DEL', lock) end

local status = get('status')
if not status or isFinal(status) or get('attempt') ~= ARGV[3] then return 'unchanged' end
if token and token == get('heldBy') then redis.call('DEL', lock) end
if get('reportedAttempt') == ARGV[3] then return 'unchanged' end
set('reportedAttempt', ARGV[3])
if ARGV[5] ~= '' then
  local deaths = get('deaths')
  set('deaths', deaths == '[]' and '[' .. ARGV[5] .. ']' or string.sub(deaths, 1, -2) .. ',' .. ARGV[5] .. ']')
end
return 'noted'
`);
