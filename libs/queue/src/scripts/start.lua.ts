import { jobScript } from './redis-script.js';

/**
 * An attempt takes its job: running, or not at all.
 *
 * ARGV 3 lock token · 4 attempt · 5 review at (ms)
 * Returns {'started', record, then for each text so far: text, token ids, log probabilities, end}, {'skip', reason} or
 * {'lost'}. A second call of the same attempt changes nothing.
 */
export const startScript = jobScript(`
local function started()
  local reply = { 'started', all() }
  for _, shown in ipairs((generated())) do
    for _, name in ipairs({ 'text', 'ids', 'logprobs', 'finish' }) do reply[#reply + 1] = shown[name] end
  end
  return reply
end

local status = get('status')
if not status then return { 'skip', 'gone' } end
if holder() ~= ARGV[3] then return { 'lost' } end
if status == 'cancelled' or status == 'expired' then return { 'skip', status } end
if isFinal(status) then return { 'skip', 'already-finished' } end

local attempt = tonumber(ARGV[4])
local last = tonumber(get('attempt'))
if status == 'running' and attempt == last and get('heldBy') == ARGV[3] then return started() end
-- Also where an attempt of the run before a retry has come first under this number: the review sorts that out.
if attempt <= last then return { 'lost' } end

if status == 'running' then
  local outcome = loseAttempt()
  if outcome == 'cancelled' then return { 'skip', 'cancelled' } end
  if outcome == 'failed' then return { 'skip', 'already-finished' } end
elseif quarantineIfDeadly() then
  return { 'skip', 'already-finished' }
end
if expireIfOverdue() then return { 'skip', 'expired' } end

moveTo('running')
set('attempt', ARGV[4], 'heldBy', ARGV[3])
watchAt(ARGV[5])
-- From here on Redis refuses what an earlier attempt still sends, so the text so far is final.
emitStatus(ARGV[4] .. '-0', 'running', ARGV[4])
if redis.call('HSETNX', record, 'startedAtMs', nowMs) == 1 then announce('job.started') end
return started()
`);
