import { plainScript } from './redis-script.js';

/**
 * The text of one engine step, for all attempts in it. An attempt writes only while it runs its job and holds its lock.
 *
 * KEYS, for each append: record · event stream · BullMQ lock
 * ARGV, for each append: lock token · attempt · sequence · the values of a token entry: text · index · number of tokens
 * · ids · log probabilities · end
 * Returns, for each append, 'written' or 'lost', then '1' where a cancel was asked for, else ''. A repeated append whose
 * first reply got lost is 'written' too.
 */
export const appendScript = plainScript(`
local replies = {}

local function append(record, stream, lock, token, attempt, sequence, text, index, n, ids, logprobs, finish)
  local fields = redis.call('HMGET', record, 'status', 'attempt', 'cancelRequestedAtMs')
  local status, current, cancel = fields[1], fields[2], fields[3]
  local entryId = attempt .. '-' .. sequence
  if #redis.call('XRANGE', stream, entryId, entryId) > 0 then return 'written', cancel end
  if status ~= 'running' or current ~= attempt or redis.call('GET', lock) ~= token then return 'lost', false end
  -- The stream lives as long as the record, so that one which is missing has been taken away.
  if not redis.call('XADD', stream, 'NOMKSTREAM', entryId, 'type', 'token', 'text', text, 'index', index, 'n', n,
    'ids', ids, 'logprobs', logprobs, 'finish', finish) then
    return 'lost', false
  end
  redis.call('PUBLISH', stream, entryId)
  return 'written', cancel
end

for i = 0, #KEYS / 3 - 1 do
  local k, a = i * 3, i * 9
  local outcome, cancel = append(KEYS[k + 1], KEYS[k + 2], KEYS[k + 3], unpack(ARGV, a + 1, a + 9))
  replies[#replies + 1] = outcome
  replies[#replies + 1] = cancel and '1' or ''
end
return replies
`);
