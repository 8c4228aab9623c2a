import type { GrammarNode } from '../grammar/grammar-node.js';
import { integerRange } from '../json/integer-range.js';
import { INTEGER, NUMBER, SAFE_DIGITS } from '../json/json-grammar.js';
import { type NumberBounds, numberRange } from '../json/number-range.js';
import { schemaError } from './schema-error.js';
import type { JsonObject } from './schema-keywords.js';

const BOUNDS = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'] as const;
/** Largest number of as many digits as a double holds exactly. */
const LARGEST = 10 ** SAFE_DIGITS - 1;

export function convertInteger(schema: JsonObject, path: string): GrammarNode {
  const bounds = readBounds(schema, path);
  if (bounds === null) return INTEGER;
  const least = bounds.leastIsOpen ? Math.floor(bounds.least) + 1 : Math.ceil(bounds.least);
  const most = bounds.mostIsOpen ? Math.ceil(bounds.most) - 1 : Math.floor(bounds.most);
  return integerRange(least, most);
}

export function convertNumber(schema: JsonObject, path: string): GrammarNode {
  const bounds = readBounds(schema, path);
  if (bounds === null) return NUMBER;
  const fractional = BOUNDS.find(
    (keyword) => schema[keyword] !== undefined && !Number.isInteger(schema[keyword]),
  );
  if (fractional !== undefined) throw schemaError(`${path}.${fractional}`, 'must be a whole number');
  return numberRange(bounds);
}

/** The tighter bound of each side; null where there is none. */
function readBounds(schema: JsonObject, path: string): NumberBounds | null {
  const [minimum, above, maximum, below] = BOUNDS.map((keyword) => readBound(schema, path, keyword));
  if ([minimum, above, maximum, below].every((bound) => bound === undefined)) return null;
  const least = Math.max(minimum ?? -LARGEST, above ?? -LARGEST);
  const most = Math.min(maximum ?? LARGEST, below ?? LARGEST);
  return { least, leastIsOpen: above === least, most, mostIsOpen: below === most };
}

function readBound(schema: JsonObject, path: string, keyword: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Math.abs(value) <= LARGEST) return value;
  throw schemaError(`${path}.${keyword}`, `must be a number from -${LARGEST} to ${LARGEST}`);
}
