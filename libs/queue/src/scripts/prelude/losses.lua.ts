import { REQUEUED_N } from '../../event-ids.js';
import { DEAD_LETTERS_PREFIX } from '../../redis-keys.js';

/** Most losses in a row that brought no text and that nobody explained; the next one would be one too many. */
export const MAX_FRUITLESS_LOSSES = 6;
/** Deaths of workers blamed on one job that quarantine it. */
const MAX_DEATHS = 2;

/** What becomes of a job whose worker is gone. */
export const LOSSES = `
-- ZSET by time of the tenant's quarantined jobs. The record names the tenant, so the key cannot be declared; its braces
-- put it into the slot of those that are.
local function deadLetters() return '${DEAD_LETTERS_PREFIX}' .. get('tenant') end

local function quarantine(message)
  redis.call('ZADD', deadLetters(), nowMs, jobId)
  concludeFromStream('failed', 'error', 'failure', cjson.encode({ code = 'quarantined', message = message }))
end

-- Ends a job that took down its workers too often to be run again.
local function quarantineIfDeadly()
  local deaths = #cjson.decode(get('deaths'))
  if deaths < ${MAX_DEATHS} then return false end
  quarantine('The job took down ' .. deaths .. ' workers that ran it and is not run again. Retry it once the cause is mended.')
  return true
end

-- Takes the job from its attempt. The closing entry makes Redis refuse whatever that attempt still sends.
local function backToQueue()
  if get('status') == 'running' then moveTo('queued') end
  local attempt = get('attempt')
  emitStatus(attempt .. '-${REQUEUED_N}', 'queued', attempt)
end

-- Losses in a row without new text. One that a supervisor has explained counts for nothing: it blames whom it must.
local function countLoss()
  if get('reportedAttempt') == get('attempt') then return 0 end
  local _, tokens = generated()
  local losses = tonumber(get('losses') or 0)
  if tokens > tonumber(get('tokensAtLoss') or 0) then losses = 0 end
  set('losses', losses + 1, 'tokensAtLoss', tokens)
  return losses + 1
end

-- A running job whose worker is gone. Says what became of it: 'cancelled', 'failed' or 'queued'.
local function loseAttempt()
  if get('cancelRequestedAtMs') then
    concludeCancelled()
    return 'cancelled'
  end
  if quarantineIfDeadly() then return 'failed' end
  if countLoss() >= ${MAX_FRUITLESS_LOSSES} then
    quarantine('The job lost its worker ${MAX_FRUITLESS_LOSSES} times without new text and is not run again. Retry it once the cause is mended.')
    return 'failed'
  end
  backToQueue()
  lineUp(RECOVERED)
  return 'queued'
end
`;
