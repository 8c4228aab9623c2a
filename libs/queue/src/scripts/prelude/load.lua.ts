/** Arrivals of this long ago weigh 1/e in the rate of arrivals. */
export const ARRIVALS_MEMORY_MS = 30_000;
/** After this many further jobs a finished one weighs 1/e in what the queue has learned of lengths. */
const LEARNING_JOBS = 30;
const FADE = Math.exp(-1 / LEARNING_JOBS).toFixed(6);

/**
 * The load of the job's queue, kept with every change of status: who waits, by the priority class in which BullMQ has
 * them (class 0 are recovered jobs, ahead of all), who runs, what came lately and how
 * long texts were. `queue-load.ts` reads it.
 * The record's `line` is the class it is counted in, `queuedAtMs` the time it has waited since.
 */
export const LOAD = `
local RECOVERED = '0'

local function countInLine(class, by)
  local tokens = by * (get('promptTokens') + get('maxTokens'))
  redis.call('HINCRBY', load, 'jobs', by)
  redis.call('HINCRBY', load, 'tokens', tokens)
  redis.call('HINCRBY', load, 'jobs:' .. class, by)
  redis.call('HINCRBY', load, 'tokens:' .. class, tokens)
  redis.call('HINCRBY', load, 'prompt:' .. class, by * get('promptTokens'))
  local isAged = class ~= RECOVERED and class ~= get('priority')
  if isAged then redis.call('HINCRBY', load, 'aged:' .. class, by) end
end

local function leaveLine()
  local class = get('line')
  if not class then return end
  countInLine(class, -1)
  redis.call('HDEL', record, 'line')
end

local function lineUp(class)
  leaveLine()
  set('line', class)
  countInLine(class, 1)
end

-- {'full', jobs waiting, tokens waiting} where one more job of this size may not wait, else nil.
local function refusalOf(tokens, mostJobs, mostTokens)
  local line = redis.call('HMGET', load, 'jobs', 'tokens')
  local jobs, waiting = tonumber(line[1] or 0), tonumber(line[2] or 0)
  if jobs + 1 > tonumber(mostJobs) or waiting + tokens > tonumber(mostTokens) then
    return { 'full', jobs, waiting }
  end
end

-- Adds to sums that fade: what the field holds weighs no more than \`fade\` from now on.
local function addFading(field, fade, ...)
  local held, sums = {}, {}
  for sum in string.gmatch(redis.call('HGET', load, field) or '', '%S+') do held[#held + 1] = sum end
  for i, value in ipairs({ ... }) do sums[i] = string.format('%.9g', (held[i] or 0) * fade + value) end
  redis.call('HSET', load, field, table.concat(sums, ' '))
end

local function countArrival()
  local class = get('priority')
  local silentMs = math.max(0, nowMs - (redis.call('HGET', load, 'cameAtMs:' .. class) or nowMs))
  addFading('came:' .. class, math.exp(-silentMs / ${ARRIVALS_MEMORY_MS}), 1, get('promptTokens'), get('maxTokens'))
  redis.call('HSET', load, 'cameAtMs:' .. class, nowMs)
end

-- A job that changes its status leaves one place of the load and takes another.
local function accountFor(from, to)
  if from == 'queued' then leaveLine() end
  if from == 'running' then redis.call('HDEL', load, 'run:' .. jobId) end
  if to == 'queued' then
    if from ~= 'running' then
      set('queuedAtMs', nowMs)
      countArrival()
    end
    lineUp(get('priority'))
  elseif to == 'running' then
    local facts = { nowMs, get('priority'), get('promptTokens'), get('maxTokens') }
    redis.call('HSET', load, 'run:' .. jobId, table.concat(facts, ' '))
  end
end

-- Of successes by priority, as users of one often want the same: their number, tokens generated, share of the tokens
-- allowed, and both squared.
local function learnLength()
  if tonumber(get('maxTokens')) == 0 then return end
  local tokens = cjson.decode(get('usage')).completionTokens
  local share = tokens / get('maxTokens')
  addFading('seen:' .. get('priority'), ${FADE}, 1, tokens, tokens ^ 2, share, share ^ 2)
end
`;
