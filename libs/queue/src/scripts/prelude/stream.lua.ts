/**
 * The job's event stream. A token entry is `type token, text <text>, n <tokens>, ids <their ids, with commas between>`,
 * as the append script writes it.
 */
export const STREAM = `
local function emit(entryId, ...)
  redis.call('XADD', stream, entryId, ...)
  redis.call('PUBLISH', stream, entryId)
end

local function emitStatus(entryId, status, attempt)
  emit(entryId, 'type', 'status', 'status', status, 'attempt', attempt)
end

-- What the stream shows of the text, over all attempts: the text, its token ids, their number.
local function generated()
  local texts, ids, count = {}, {}, 0
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    local fields = entry[2]
    if fields[2] == 'token' then
      texts[#texts + 1] = fields[4]
      count = count + tonumber(fields[6])
      if fields[8] ~= '' then ids[#ids + 1] = fields[8] end
    end
  end
  return table.concat(texts), table.concat(ids, ','), count
end
`;
