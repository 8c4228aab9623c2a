/**
 * The job's event stream. A token entry is `type token, text <text>, index <of the text>, n <tokens>, ids <their ids,
 * with commas between>, logprobs <theirs as JSON, with commas between, or empty>, finish <reason or empty>`, as the
 * append script writes it.
 */
export const STREAM = `
local function emit(entryId, ...)
  redis.call('XADD', stream, entryId, ...)
  redis.call('PUBLISH', stream, entryId)
end

local function emitStatus(entryId, status, attempt)
  emit(entryId, 'type', 'status', 'status', status, 'attempt', attempt)
end

local TOKEN_FIELDS = { 'text', 'index', 'n', 'ids', 'logprobs', 'finish' }

-- What the stream shows over all attempts: the job's texts, each with its token ids, log probabilities and end, and the
-- number of all tokens.
local function generated()
  local texts, count = {}, 0
  for _, entry in ipairs(redis.call('XRANGE', stream, '-', '+')) do
    if entry[2][2] == 'token' then
      local token = {}
      for i, name in ipairs(TOKEN_FIELDS) do token[name] = entry[2][2 + 2 * i] end
      for i = #texts, tonumber(token.index) do texts[i + 1] = { text = {}, ids = {}, logprobs = {}, finish = '' } end
      local shown = texts[token.index + 1]
      for _, name in ipairs({ 'text', 'ids', 'logprobs' }) do
        if token[name] ~= '' then table.insert(shown[name], token[name]) end
      end
      shown.finish = token.finish
      count = count + tonumber(token.n)
    end
  end
  for _, shown in ipairs(texts) do
    shown.text = table.concat(shown.text)
    shown.ids = table.concat(shown.ids, ',')
    shown.logprobs = table.concat(shown.logprobs, ',')
  end
  return texts, count
end
`;
