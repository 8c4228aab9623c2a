import type { GrammarNode } from '../grammar/grammar-node.js';
import type { Json } from '../json/json-literal.js';
import { schemaError } from './schema-error.js';
import { isJsonArray, type JsonObject } from './schema-keywords.js';

/** Turns a schema within a schema into a grammar. */
export type ConvertPart = (schema: Json, path: string) => GrammarNode;

const TYPE_NAMES = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type TypeName = (typeof TYPE_NAMES)[number];

/** Keywords that tell the type a schema means without saying it. */
const TELLING: readonly (readonly [TypeName, readonly string[]])[] = [
  ['object', ['properties', 'required', 'additionalProperties']],
  ['array', ['items', 'prefixItems', 'minItems', 'maxItems']],
  ['string', ['minLength', 'maxLength', 'pattern', 'format']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']],
];

/** Types of a schema, those its keywords tell where it names none; null where any value will do. */
export function readTypes(schema: JsonObject, path: string): readonly TypeName[] | null {
  const named = schema['type'];
  if (named === undefined) {
    const told = TELLING.filter(([, keywords]) => keywords.some((keyword) => schema[keyword] !== undefined));
    return told.length === 0 ? null : told.map(([type]) => type);
  }
  const types = (isJsonArray(named) ? named : [named]).map((name) =>
    TYPE_NAMES.find((type) => type === name),
  );
  const known = types.filter((type) => type !== undefined);
  if (known.length < types.length) {
    throw schemaError(`${path}.type`, `must be one or a list of ${TYPE_NAMES.join(', ')}`);
  }
  return known;
}

/** Types that a value has: a whole number is an integer and a number. */
export function typeOfValue(value: Json): readonly TypeName[] {
  if (value === null) return ['null'];
  if (typeof value === 'boolean') return ['boolean'];
  if (typeof value === 'string') return ['string'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return Array.isArray(value) ? ['array'] : ['object'];
}
