import { FINAL_JOB_STATUSES, JOB_STATUS_TRANSITIONS } from '#contracts';

/** The status table, and the only write of a status, which the load of the queue follows. */
export const STATUS = `
local legal = ${toLuaTable(JOB_STATUS_TRANSITIONS)}
local final = ${toLuaSet(FINAL_JOB_STATUSES)}

local function isFinal(status) return final[status] == true end

local function moveTo(status)
  local from = get('status')
  if not (from and legal[from][status]) then
    error('illegal job transition ' .. tostring(from) .. ' to ' .. status .. '. This is a bug.')
  end
  set('status', status)
  accountFor(from, status)
end
`;

function toLuaTable(transitions: Readonly<Record<string, readonly string[]>>): string {
  const rows = Object.entries(transitions).map(([from, to]) => `${from} = ${toLuaSet(to)}`);
  return `{ ${rows.join(', ')} }`;
}

function toLuaSet(members: readonly string[]): string {
  return `{ ${members.map((member) => `${member} = true`).join(', ')} }`;
}
