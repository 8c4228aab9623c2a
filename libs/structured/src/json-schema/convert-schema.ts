import {
  choice,
  type GrammarNode,
  type GrammarRule,
  NEVER,
  NOTHING,
  sequence,
} from '../grammar/grammar-node.js';
import { ANY_ARRAY, ANY_OBJECT, ANY_VALUE, BOOLEAN, NULL } from '../json/json-grammar.js';
import { type Json, jsonLiterals } from '../json/json-literal.js';
import { convertArray } from './convert-array.js';
import { convertInteger, convertNumber } from './convert-number.js';
import { convertObject } from './convert-object.js';
import { convertString } from './convert-string.js';
import { DisjointSchemas } from './disjoint-schemas.js';
import { resolveReference } from './resolve-reference.js';
import { schemaError } from './schema-error.js';
import {
  checkKeywords,
  checkStandsAlone,
  isJsonArray,
  isJsonObject,
  type JsonObject,
} from './schema-keywords.js';
import { type ConvertPart, readTypes, type TypeName, typeOfValue } from './schema-types.js';

const MAX_DEPTH = 64;
const MAX_SCHEMA_CHARS = 65_536;

/**
 * The texts that a JSON Schema (draft 2020-12, a subset) accepts, or a part of them: objects write their properties in
 * the order of the schema, and no others unless `additionalProperties` asks for them.
 * @param path of the schema in the request, for errors
 * @throws DroverError `invalid_value` for what is wrong or not supported
 */
export function convertSchema(schema: Json, path: string): GrammarNode {
  if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
    throw schemaError(path, `is longer than ${MAX_SCHEMA_CHARS} characters. Shorten it`);
  }
  return new SchemaConverter(schema).convert(schema, path, 0);
}

class SchemaConverter {
  readonly #root: Json;
  readonly #rules = new Map<string, GrammarRule>();
  readonly #disjoint: DisjointSchemas;

  constructor(root: Json) {
    this.#root = root;
    this.#disjoint = new DisjointSchemas(root);
  }

  convert(schema: Json, path: string, depth: number): GrammarNode {
    if (depth > MAX_DEPTH) throw schemaError(path, `is nested deeper than ${MAX_DEPTH}`);
    if (schema === true) return ANY_VALUE;
    if (schema === false) return NEVER;
    if (!isJsonObject(schema)) throw schemaError(path, 'must be a schema: an object, true or false');
    checkKeywords(schema, path);
    const part: ConvertPart = (inner, innerPath) => this.convert(inner, innerPath, depth + 1);
    if (schema['$ref'] !== undefined) return this.#convertReference(schema, path);
    if (schema['enum'] !== undefined || schema['const'] !== undefined) return convertValues(schema, path);
    if (schema['anyOf'] !== undefined) return convertUnion(schema, path, 'anyOf', part);
    if (schema['oneOf'] !== undefined) {
      this.#disjoint.check(schema['oneOf'], `${path}.oneOf`);
      return convertUnion(schema, path, 'oneOf', part);
    }
    if (schema['allOf'] !== undefined) return convertAllOf(schema, path, part);
    const types = readTypes(schema, path);
    return types === null ? ANY_VALUE : choice(...types.map((type) => convertType(type, schema, path, part)));
  }

  /** Its own rule, so that schemas may refer to themselves. */
  #convertReference(schema: JsonObject, path: string): GrammarNode {
    checkStandsAlone(schema, path, '$ref');
    const { target, pointer } = resolveReference(this.#root, schema['$ref'] ?? null, `${path}.$ref`);
    let rule = this.#rules.get(pointer);
    if (rule === undefined) {
      rule = { name: pointer, body: NOTHING };
      this.#rules.set(pointer, rule);
      rule.body = this.convert(target, `${path}.$ref(${pointer})`, 0);
    }
    return { kind: 'rule', rule };
  }
}

function convertType(type: TypeName, schema: JsonObject, path: string, part: ConvertPart): GrammarNode {
  switch (type) {
    case 'null':
      return NULL;
    case 'boolean':
      return BOOLEAN;
    case 'integer':
      return convertInteger(schema, path);
    case 'number':
      return convertNumber(schema, path);
    case 'string':
      return convertString(schema, path);
    case 'array':
      return convertArray(schema, path, part) ?? ANY_ARRAY;
    case 'object':
      return convertObject(schema, path, part) ?? ANY_OBJECT;
    default:
      return type satisfies never;
  }
}

/** `enum` and `const`: the values that fit the type, written out. */
function convertValues(schema: JsonObject, path: string): GrammarNode {
  const keyword = schema['enum'] === undefined ? 'const' : 'enum';
  checkStandsAlone(schema, path, keyword, ['type']);
  const values = schema['enum'] ?? [schema['const'] ?? null];
  if (!isJsonArray(values)) throw schemaError(`${path}.enum`, 'must be a list');
  const types = readTypes({ type: schema['type'] ?? [] }, path) ?? [];
  const fitting = values.filter(
    (value) => types.length === 0 || typeOfValue(value).some((type) => types.includes(type)),
  );
  if (fitting.length === 0) throw schemaError(`${path}.${keyword}`, 'has no value of the type');
  return jsonLiterals(fitting);
}

function convertUnion(
  schema: JsonObject,
  path: string,
  keyword: 'anyOf' | 'oneOf',
  part: ConvertPart,
): GrammarNode {
  checkStandsAlone(schema, path, keyword);
  const branches = schema[keyword];
  if (!isJsonArray(branches) || branches.length === 0) {
    throw schemaError(`${path}.${keyword}`, 'must be a list of schemas');
  }
  return choice(...branches.map((branch, index) => part(branch, `${path}.${keyword}[${index}]`)));
}

/** Generators of schemas wrap a single reference in it. */
function convertAllOf(schema: JsonObject, path: string, part: ConvertPart): GrammarNode {
  checkStandsAlone(schema, path, 'allOf');
  const [only, ...others] = isJsonArray(schema['allOf']) ? schema['allOf'] : [];
  if (only === undefined || others.length > 0) {
    throw schemaError(`${path}.allOf`, 'is supported with exactly one schema. Merge the schemas');
  }
  return sequence(part(only, `${path}.allOf[0]`));
}
