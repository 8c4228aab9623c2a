/**
 * The first keys of every job script: record, event stream, watch set, webhook outbox, finished jobs, webhook
 * subscribers, load of the queue, BullMQ's lock of the job. Its first arguments: the job's id and the time in Unix ms.
 */
export const RECORD = `
local record, stream, watch, outbox, finished = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local subscribers, load, lock = KEYS[6], KEYS[7], KEYS[8]
local jobId, nowMs = ARGV[1], ARGV[2]

local function get(name) return redis.call('HGET', record, name) end
local function all() return redis.call('HGETALL', record) end
local function set(...) redis.call('HSET', record, ...) end

-- The token of the worker that holds the job, or false.
local function holder() return redis.call('GET', lock) end

-- A job that was to be gone once fetched, and was fetched, is not there for its tenant.
local function isVisibleTo(tenant) return get('tenant') == tenant and not get('fetchedAtMs') end

local function watchAt(atMs)
  redis.call('ZADD', watch, string.format('%.0f', atMs), get('tenant') .. '/' .. jobId)
end

local function integer(number) return string.format('%.0f', number) end
`;
