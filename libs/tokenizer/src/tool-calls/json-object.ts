export interface JsonObjectReading {
  /** JSON text of each member by its name; null where this is no JSON object, or names a member twice. */
  readonly members: ReadonlyMap<string, string> | null;
  /** Index after the closing bracket; the text's length where it is never closed. */
  readonly end: number;
}

/** A string, closed or not, or a character of structure. Never backtracks. */
const LEXEME = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[{}[\],:]/gsu;

/**
 * Reads the JSON object (RFC 8259) that begins at `start`. Members keep their text, since numbers may have more
 * digits than JavaScript's.
 */
export function readJsonObject(text: string, start: number): JsonObjectReading {
  const { cuts, end } = cutObject(text, start);
  if (end === null) return { members: null, end: text.length };
  return { members: isJson(text.slice(start, end)) ? membersOf(text, cuts) : null, end };
}

/** `cuts` are the indices of the outer brackets and of the colons and commas between the members. */
function cutObject(text: string, start: number): { cuts: number[]; end: number | null } {
  const cuts: number[] = [];
  const lexemes = new RegExp(LEXEME);
  lexemes.lastIndex = start;
  let depth = 0;
  for (let match = lexemes.exec(text); match !== null; match = lexemes.exec(text)) {
    const lexeme = match[0];
    if (lexeme === '{' || lexeme === '[') depth++;
    if (depth === 1 && !lexeme.startsWith('"')) cuts.push(match.index);
    if (lexeme === '}' || lexeme === ']') depth--;
    if (depth === 0) return { cuts, end: lexemes.lastIndex };
  }
  return { cuts, end: null };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `cuts` of a valid object are `{`, then a colon and a comma in turns, then `}`. */
function membersOf(text: string, cuts: readonly number[]): ReadonlyMap<string, string> | null {
  const pieces = cuts.slice(1).map((cut, index) => text.slice((cuts[index] ?? 0) + 1, cut).trim());
  const members = new Map<string, string>();
  for (let at = 0; at + 1 < pieces.length; at += 2) {
    const name: unknown = JSON.parse(pieces[at] ?? '');
    if (typeof name !== 'string' || members.has(name)) return null;
    members.set(name, pieces[at + 1] ?? '');
  }
  return members;
}
