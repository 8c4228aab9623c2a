import { jobScript } from './redis-script.js';

/** How long a fetched job outlives its fetch where a webhook is due: the relay still has to read it. */
const ANNOUNCED_KEPT_MS = 60_000;

/**
 * Reads an ended job of a tenant. One that is to be gone once fetched goes with that: of two readers one gets it.
 *
 * ARGV 3 tenant
 * Returns the record, or {} where there is none.
 */
export const fetchScript = jobScript(`
if not isVisibleTo(ARGV[3]) then return {} end
local job = all()
if get('ttlMs') ~= '0' or not isFinal(get('status')) then return job end

redis.call('DEL', stream)
redis.call('ZREM', deadLetters(), jobId)
if get('announced') then
  set('fetchedAtMs', nowMs)
  redis.call('PEXPIRE', record, ${ANNOUNCED_KEPT_MS})
  watchAt(nowMs + ${ANNOUNCED_KEPT_MS} + 1000)
else
  watchAt(nowMs)
  redis.call('DEL', record)
end
return job
`);
