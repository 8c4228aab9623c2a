import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../json/json-literal.js';
import { resolveReference } from './resolve-reference.js';
import { schemaError } from './schema-error.js';
import { isJsonArray, isJsonObject, type JsonObject } from './schema-keywords.js';
import { readTypes, typeOfValue } from './schema-types.js';

const MAX_DEPTH = 8;

/**
 * `oneOf` holds where no value fits two branches. Seen are: other types, other values, and objects that differ in a
 * property which one of them requires.
 * @throws DroverError for branches that may overlap
 */
export function checkDisjoint(root: Json, branches: Json, path: string): void {
  const schemas = isJsonArray(branches) ? branches : [];
  schemas.forEach((a, index) => {
    schemas.slice(index + 1).forEach((b, offset) => {
      if (areDisjoint(root, a, b, path, 0)) return;
      throw schemaError(
        path,
        `has branches ${index} and ${index + 1 + offset} that one value may fit both. Use anyOf, or give each a required property with its own const`,
      );
    });
  });
}

function areDisjoint(root: Json, a: Json, b: Json, path: string, depth: number): boolean {
  if (depth > MAX_DEPTH) return false;
  const [left, right] = [dereference(root, a, path, depth), dereference(root, b, path, depth)];
  if (left === null || right === null) return false;
  const [leftTypes, rightTypes] = [typesOf(left, path), typesOf(right, path)];
  if (!leftTypes.some((type) => rightTypes.includes(type))) return true;
  const [leftValues, rightValues] = [valuesOf(left), valuesOf(right)];
  if (leftValues !== null && rightValues !== null) {
    return !leftValues.some((value) => rightValues.some((other) => isDeepStrictEqual(value, other)));
  }
  const onlyObjects = [...leftTypes, ...rightTypes].every((type) => type === 'object');
  return onlyObjects && differInProperty(root, left, right, path, depth);
}

function differInProperty(root: Json, a: JsonObject, b: JsonObject, path: string, depth: number): boolean {
  const [left, right] = [a['properties'], b['properties']];
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const required = [a['required'], b['required']].flatMap((names) => (isJsonArray(names) ? names : []));
  return Object.entries(left).some(([name, schema]) => {
    const other = Object.hasOwn(right, name) ? right[name] : undefined;
    return (
      other !== undefined && required.includes(name) && areDisjoint(root, schema, other, path, depth + 1)
    );
  });
}

function dereference(root: Json, schema: Json, path: string, depth: number): JsonObject | null {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return null;
  if (schema['$ref'] === undefined) return schema;
  return dereference(root, resolveReference(root, schema['$ref'], path).target, path, depth + 1);
}

/** Numbers are one type here, since a whole one is an integer too. */
function typesOf(schema: JsonObject, path: string): readonly string[] {
  const values = valuesOf(schema);
  const combined = ['anyOf', 'oneOf', 'allOf'].some((keyword) => schema[keyword] !== undefined);
  const types = values?.flatMap(typeOfValue) ?? (combined ? null : readTypes(schema, path)) ?? ALL_TYPES;
  return types.map((type) => (type === 'integer' ? 'number' : type));
}

const ALL_TYPES = ['null', 'boolean', 'number', 'string', 'array', 'object'];

function valuesOf(schema: JsonObject): readonly Json[] | null {
  if (isJsonArray(schema['enum'])) return schema['enum'];
  return schema['const'] === undefined ? null : [schema['const']];
}
