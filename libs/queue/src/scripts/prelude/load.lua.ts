/** After this many further jobs a finished one weighs 1/e in what the queue has learned of lengths. */
const LEARNING_JOBS = 30;
const FADE = Math.exp(-1 / LEARNING_JOBS).toFixed(6);

/**
 * The load of the job's queue, kept with every change of status: who waits, by the priority class in which BullMQ has
 * them (class 0 are recovered jobs, ahead of all), who runs, and how long texts were lately. `queue-load.ts` reads it.
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

-- A job that changes its status leaves one place of the load and takes another.
local function accountFor(from, to)
  if from == 'queued' then leaveLine() end
  if from == 'running' then redis.call('HDEL', load, 'run:' .. jobId) end
  if to == 'queued' then
    if from ~= 'running' then set('queuedAtMs', nowMs) end
    lineUp(get('priority'))
  elseif to == 'running' then
    redis.call('HSET', load, 'run:' .. jobId, nowMs .. ' ' .. get('promptTokens') .. ' ' .. get('maxTokens'))
  end
end

-- Fading sums over finished jobs: their number, tokens generated, share of the tokens allowed, and both squared.
local function learnLength()
  local tokens = cjson.decode(get('usage')).completionTokens
  local share = tokens / get('maxTokens')
  local seen = { jobs = 1, tokens = tokens, tokens2 = tokens ^ 2, share = share, share2 = share ^ 2 }
  for name, value in pairs(seen) do
    local before = redis.call('HGET', load, 'seen:' .. name)
    redis.call('HSET', load, 'seen:' .. name, string.format('%.9g', (before or 0) * ${FADE} + value))
  end
end
`;
