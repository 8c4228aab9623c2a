import { DONE_N } from '../../event-ids.js';

/** How long a result that is to be gone once fetched waits for that. */
const UNFETCHED_KEPT_MS = 24 * 60 * 60 * 1_000;

/** How long an ended job is kept, unless it is fetched away. */
export function keptMs(ttlMs: number): number {
  return ttlMs === 0 ? UNFETCHED_KEPT_MS : ttlMs;
}

/** The end of a job, and the webhook events that tell of it. */
export const ENDING = `
local function lists(commaList, member)
  return commaList and string.find(',' .. commaList .. ',', ',' .. member .. ',', 1, true)
end

-- An event is due where the job's own webhook or a standing endpoint of its tenant asks for it.
local function announce(event)
  if lists(get('notify'), event) or lists(redis.call('HGET', subscribers, get('tenant')), event) then
    redis.call('LPUSH', outbox, jobId .. ' ' .. event .. ' ' .. get('retries'))
    set('announced', event)
  end
end

-- The end of a job, whoever brings it: status, count, stream end, expiry, webhook and the time to forget it.
local function conclude(status, ...)
  moveTo(status)
  set('finishedAtMs', nowMs, ...)
  redis.call('HINCRBY', finished, get('model') .. ' ' .. get('variant') .. ' ' .. status, 1)
  emit(get('attempt') .. '-' .. integer(${DONE_N} + 2 * get('retries')), 'type', 'done', 'status', status)
  local ttlMs = tonumber(get('ttlMs'))
  local keptMs = integer(ttlMs == 0 and ${UNFETCHED_KEPT_MS} or ttlMs)
  redis.call('PEXPIRE', record, keptMs)
  redis.call('PEXPIRE', stream, keptMs)
  watchAt(nowMs + keptMs + 1000)
  if status == 'succeeded' then learnLength() end
  announce('job.' .. status)
end

-- Log probabilities are JSON already, so the choices are put together by hand.
local function choiceJson(shown, reason)
  local logprobs = shown.logprobs == '' and 'null' or '[' .. shown.logprobs .. ']'
  return '{"text":' .. cjson.encode(shown.text) .. ',"finishReason":' .. cjson.encode(reason)
    .. ',"logprobs":' .. logprobs .. ',"toolCalls":null}'
end

-- An end that no worker brings: texts and usage are what the stream shows; the reason is of texts that were going on.
local function concludeFromStream(status, reason, ...)
  local texts, count = generated()
  if count > 0 then
    local choices = {}
    for i = 1, tonumber(get('choiceCount')) do
      local shown = texts[i] or { text = '', logprobs = '', finish = '' }
      choices[i] = choiceJson(shown, shown.finish == '' and reason or shown.finish)
    end
    set('choices', '[' .. table.concat(choices, ',') .. ']', 'usage', cjson.encode({
      promptTokens = tonumber(get('promptTokens')), completionTokens = count, cachedTokens = 0
    }))
  end
  conclude(status, ...)
end

local function concludeCancelled() concludeFromStream('cancelled', 'cancelled') end

-- A job that no worker holds expires past its start_by, or once it has started past its timeout.
local function expireIfOverdue()
  local startedAtMs, startByMs, timeoutMs = get('startedAtMs'), get('startByMs'), get('timeoutMs')
  if startedAtMs then
    if not timeoutMs or tonumber(nowMs) < startedAtMs + timeoutMs then return false end
    concludeFromStream('expired', 'deadline')
    return true
  end
  if not startByMs or tonumber(nowMs) <= tonumber(startByMs) then return false end
  conclude('expired')
  return true
end
`;
