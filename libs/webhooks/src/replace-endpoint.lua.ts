/**
 * Puts an endpoint in place of what its writer has read, and keeps the list of events that the tenant's enabled
 * endpoints want, by which the job scripts decide whether an event is due.
 *
 * KEYS 1 HASH of a tenant's endpoints · 2 HASH of subscribers
 * ARGV 1 tenant · 2 id · 3 JSON that was read ('' none) · 4 new JSON ('' removes) · 5 most endpoints
 * Returns 'replaced', 'changed' where another writer was faster, or 'full'.
 */
export const REPLACE_ENDPOINT_LUA = `
local endpoints, subscribers = KEYS[1], KEYS[2]
local tenant, id, expected, replacement, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

if (redis.call('HGET', endpoints, id) or '') ~= expected then return 'changed' end
if expected == '' and redis.call('HLEN', endpoints) >= most then return 'full' end
if replacement == '' then redis.call('HDEL', endpoints, id) else redis.call('HSET', endpoints, id, replacement) end

local wanted, isWanted = {}, {}
for _, text in ipairs(redis.call('HVALS', endpoints)) do
  local endpoint = cjson.decode(text)
  if endpoint.disabled == cjson.null then
    for _, event in ipairs(endpoint.events) do
      if not isWanted[event] then wanted[#wanted + 1] = event end
      isWanted[event] = true
    end
  end
end
table.sort(wanted)
if #wanted == 0 then redis.call('HDEL', subscribers, tenant)
else redis.call('HSET', subscribers, tenant, table.concat(wanted, ',')) end
return 'replaced'
`;
