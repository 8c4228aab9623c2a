import { readJsonObject } from './json-object.js';
import { NO_CALLS, type CallReading, type WrittenCall } from './written-call.js';

/** Calls from `start` on, one after the other, with blanks, `;` or `<|python_tag|>` between them. */
export function readJsonRun(text: string, start: number): CallReading {
  const calls: WrittenCall[] = [];
  for (let at = start; ;) {
    const { members, end } = readJsonObject(text, at);
    const call = members === null ? null : toCall(members);
    if (call === null) return NO_CALLS(end);
    calls.push(call);
    at = skip(text, end, /(?:[\s;]|<\|python_tag\|>)*/uy);
    if (text[at] !== '{') return { calls, end };
  }
}

/** The JSON array of calls that begins at `start`. */
export function readJsonArray(text: string, start: number): CallReading {
  const calls: WrittenCall[] = [];
  for (let at = start + 1; ;) {
    at = skip(text, at, /\s*/uy);
    if (text[at] !== '{') return NO_CALLS(at);
    const { members, end } = readJsonObject(text, at);
    const call = members === null ? null : toCall(members);
    if (call === null) return NO_CALLS(end);
    calls.push(call);
    at = skip(text, end, /\s*/uy) + 1;
    if (text[at - 1] === ']') return { calls, end: at };
    if (text[at - 1] !== ',') return NO_CALLS(end);
  }
}

function skip(text: string, at: number, blanks: RegExp): number {
  blanks.lastIndex = at;
  return at + (blanks.exec(text)?.[0].length ?? 0);
}

/** A call is a name, arguments under one of two names, and perhaps `"type": "function"`. */
function toCall(members: ReadonlyMap<string, string>): WrittenCall | null {
  const name = members.get('name') ?? '';
  const json = members.get('parameters') ?? members.get('arguments') ?? '';
  const isFunction = !members.has('type') || members.get('type') === '"function"';
  const others = members.size - (members.has('type') ? 3 : 2);
  if (!name.startsWith('"') || !json.startsWith('{') || !isFunction || others > 0) return null;
  return { name: String(JSON.parse(name)), arguments: json };
}
