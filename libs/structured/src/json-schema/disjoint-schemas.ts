import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../json/json-literal.js';
import { resolveReference } from './resolve-reference.js';
import { schemaError } from './schema-error.js';
import { isJsonArray, isJsonObject, type JsonObject } from './schema-keywords.js';
import { readTypes, typeOfValue } from './schema-types.js';

const MAX_DEPTH = 8;
/** Of branches, properties and values, in one schema: some tens of milliseconds. */
const MAX_COMPARISONS = 50_000;

/**
 * `oneOf` holds where no value fits two branches. Seen are: other types, other values, and objects that differ in a
 * property which one of them requires.
 */
export class DisjointSchemas {
  readonly #root: Json;
  #comparisons = 0;

  constructor(root: Json) {
    this.#root = root;
  }

  /** @throws DroverError for branches that may overlap, or that take too long to compare */
  check(branches: Json, path: string): void {
    const schemas = isJsonArray(branches) ? branches : [];
    schemas.forEach((a, index) => {
      schemas.slice(index + 1).forEach((b, offset) => {
        if (this.#areDisjoint(a, b, path, 0)) return;
        throw schemaError(
          path,
          `has branches ${index} and ${index + 1 + offset} that one value may fit both. Use anyOf, or give each a required property with its own const`,
        );
      });
    });
  }

  #areDisjoint(a: Json, b: Json, path: string, depth: number): boolean {
    this.#count(1, path);
    if (depth > MAX_DEPTH) return false;
    const [left, right] = [this.#dereference(a, path, depth), this.#dereference(b, path, depth)];
    if (left === null || right === null) return false;
    const [leftTypes, rightTypes] = [typesOf(left, path), typesOf(right, path)];
    if (!leftTypes.some((type) => rightTypes.includes(type))) return true;
    const [leftValues, rightValues] = [valuesOf(left), valuesOf(right)];
    if (leftValues !== null && rightValues !== null) {
      this.#count(leftValues.length * rightValues.length, path);
      return !leftValues.some((value) => rightValues.some((other) => isDeepStrictEqual(value, other)));
    }
    const onlyObjects = [...leftTypes, ...rightTypes].every((type) => type === 'object');
    return onlyObjects && this.#differInProperty(left, right, path, depth);
  }

  #differInProperty(a: JsonObject, b: JsonObject, path: string, depth: number): boolean {
    const [left, right] = [a['properties'], b['properties']];
    if (!isJsonObject(left) || !isJsonObject(right)) return false;
    const required = new Set(
      [a['required'], b['required']].flatMap((names) => (isJsonArray(names) ? names : [])),
    );
    return Object.entries(left).some(([name, schema]) => {
      this.#count(1, path);
      const other = Object.hasOwn(right, name) ? right[name] : undefined;
      return other !== undefined && required.has(name) && this.#areDisjoint(schema, other, path, depth + 1);
    });
  }

  #dereference(schema: Json, path: string, depth: number): JsonObject | null {
    if (!isJsonObject(schema) || depth > MAX_DEPTH) return null;
    if (schema['$ref'] === undefined) return schema;
    return this.#dereference(resolveReference(this.#root, schema['$ref'], path).target, path, depth + 1);
  }

  #count(comparisons: number, path: string): void {
    this.#comparisons += comparisons;
    if (this.#comparisons > MAX_COMPARISONS) {
      throw schemaError(
        path,
        `takes more than ${MAX_COMPARISONS} comparisons to tell its branches apart. Use fewer branches, or anyOf`,
      );
    }
  }
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
