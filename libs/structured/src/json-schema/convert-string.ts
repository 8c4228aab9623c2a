import { type GrammarNode, repeat, shared } from '../grammar/grammar-node.js';
import { encodeCharacters } from '../json/encode-characters.js';
import { ANY_STRING, quoted, STRING_CHARACTER } from '../json/json-grammar.js';
import { parseRegex } from '../regex/parse-regex.js';
import { RegexError } from '../regex/regex-reader.js';
import { schemaError } from './schema-error.js';
import { type JsonObject, readCount } from './schema-keywords.js';

const MAX_STRING_CHARS = 4096;
const MAX_PATTERN_CHARS = 2048;

const DATE = '\\d{4}-((0[1-9]|1[0-2])-(0[1-9]|1\\d|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)';
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,6})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)';
const BYTE = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
/** Each writes a part of what the format allows: RFC 3339 without February 29th, addresses without quotes. */
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE}T${TIME}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  ipv4: `${BYTE}(\\.${BYTE}){3}`,
  email:
    '[A-Za-z0-9_+-]{1,64}(\\.[A-Za-z0-9_+-]{1,32}){0,3}@[A-Za-z0-9]{1,63}(\\.[A-Za-z0-9]{1,63}){0,3}\\.[A-Za-z]{2,24}',
};

const FORMAT_GRAMMARS = new Map(
  Object.entries(FORMATS).map(([name, regex]) => [
    name,
    shared(name, encodeCharacters(parseRegex(regex, 'whole'))),
  ]),
);

export function convertString(schema: JsonObject, path: string): GrammarNode {
  const minLength = readCount(schema, path, 'minLength', MAX_STRING_CHARS);
  const maxLength = readCount(schema, path, 'maxLength', MAX_STRING_CHARS);
  const { pattern, format } = schema;
  const shapes = [pattern, format, minLength ?? maxLength].filter((shape) => shape !== undefined);
  if (shapes.length > 1) {
    throw schemaError(
      path,
      'has more than one of pattern, format and minLength or maxLength; use one of them',
    );
  }
  if (pattern !== undefined) return quoted(convertPattern(pattern, `${path}.pattern`));
  if (format !== undefined) return quoted(convertFormat(format, `${path}.format`));
  if (minLength === undefined && maxLength === undefined) return ANY_STRING;
  if (maxLength !== undefined && (minLength ?? 0) > maxLength) {
    throw schemaError(`${path}.maxLength`, 'is less than minLength');
  }
  return quoted(repeat(STRING_CHARACTER, minLength ?? 0, maxLength ?? null));
}

function convertPattern(pattern: unknown, path: string): GrammarNode {
  if (typeof pattern !== 'string' || pattern.length > MAX_PATTERN_CHARS) {
    throw schemaError(path, `must be a text of at most ${MAX_PATTERN_CHARS} characters`);
  }
  try {
    return encodeCharacters(parseRegex(pattern, 'somewhere'));
  } catch (error) {
    if (error instanceof RegexError) throw schemaError(path, error.message);
    throw error;
  }
}

function convertFormat(format: unknown, path: string): GrammarNode {
  const grammar = typeof format === 'string' ? FORMAT_GRAMMARS.get(format) : undefined;
  if (grammar === undefined) throw schemaError(path, `must be one of ${Object.keys(FORMATS).join(', ')}`);
  return grammar;
}
