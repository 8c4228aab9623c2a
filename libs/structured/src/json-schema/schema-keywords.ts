import type { Json } from '../json/json-literal.js';
import { describeKeyword, schemaError } from './schema-error.js';

export type JsonObject = Readonly<Record<string, Json>>;

/** Say nothing about what is valid. */
const ANNOTATIONS = new Set([
  '$schema',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

const ASSERTIONS = new Set([
  '$ref',
  'type',
  'enum',
  'const',
  'anyOf',
  'oneOf',
  'allOf',
  'properties',
  'required',
  'additionalProperties',
  'items',
  'prefixItems',
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
]);

/** @throws DroverError for a keyword that would be ignored: what succeeds must validate */
export function checkKeywords(schema: JsonObject, path: string): void {
  for (const keyword of Object.keys(schema)) {
    if (ANNOTATIONS.has(keyword) || ASSERTIONS.has(keyword)) continue;
    throw schemaError(
      describeKeyword(path, keyword),
      `is not supported. Supported are ${[...ASSERTIONS].join(', ')} and annotations`,
    );
  }
}

/** @throws DroverError where other assertions stand beside one that must stand alone */
export function checkStandsAlone(
  schema: JsonObject,
  path: string,
  keyword: string,
  beside: string[] = [],
): void {
  const other = Object.keys(schema).find(
    (key) => key !== keyword && ASSERTIONS.has(key) && !beside.includes(key),
  );
  if (other !== undefined) {
    throw schemaError(describeKeyword(path, other), `is not supported beside \`${keyword}\``);
  }
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** A count keyword of a schema; undefined where it is absent. */
export function readCount(
  schema: JsonObject,
  path: string,
  keyword: string,
  most: number,
): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw schemaError(describeKeyword(path, keyword), `must be a whole number from 0 to ${most}`);
}
