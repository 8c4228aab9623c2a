import {
  choice,
  type GrammarNode,
  NOTHING,
  optional,
  repeat,
  sequence,
  shared,
  text,
} from '../grammar/grammar-node.js';
import { ANY_STRING, COLON, COMMA, mapOf } from '../json/json-grammar.js';
import type { Json } from '../json/json-literal.js';
import { stringExcept } from '../json/string-except.js';
import { describeKeyword, schemaError } from './schema-error.js';
import { isJsonArray, isJsonObject, type JsonObject } from './schema-keywords.js';
import type { ConvertPart } from './schema-types.js';

const MAX_PROPERTIES = 512;
const MAX_KEY_CHARS = 256;
/** Of all names that further properties must not have. */
const MAX_EXCLUDED_CHARS = 4096;

interface Property {
  readonly member: GrammarNode;
  readonly isRequired: boolean;
}

/** Null where any object will do. */
export function convertObject(schema: JsonObject, path: string, part: ConvertPart): GrammarNode | null {
  const declared = schema['properties'] ?? {};
  if (!isJsonObject(declared)) throw schemaError(`${path}.properties`, 'must be an object of schemas');
  const names = Object.keys(declared);
  const required = readRequired(schema, path, names);
  const additional: Json = schema['additionalProperties'] ?? names.length === 0;
  checkNames(names, path);
  if (additional !== false) checkExcluded(names, path);
  if (names.length === 0 && additional === true) return null;
  const further = additional === false ? null : part(additional, `${path}.additionalProperties`);
  if (names.length === 0) return further === null ? text('{}') : mapOf(ANY_STRING, further);
  const properties = Object.entries(declared).map(([name, property]) => ({
    member: sequence(
      text(JSON.stringify(name)),
      COLON,
      part(property, describeKeyword(`${path}.properties`, name)),
    ),
    isRequired: required.has(name),
  }));
  const furtherMember = further === null ? null : sequence(stringExcept(names), COLON, further);
  return sequence(text('{'), membersOf(properties, furtherMember), text('}'));
}

/** The properties in order, optional ones or not; built from the last, so that all ways to come to it share it. */
function membersOf(properties: readonly Property[], furtherMember: GrammarNode | null): GrammarNode {
  const further = furtherMember === null ? null : shared('further member', furtherMember);
  let following = further === null ? NOTHING : repeat(sequence(COMMA, further), 0, null);
  let leading = further === null ? NOTHING : optional(sequence(further, following));
  for (const { member, isRequired } of properties.toReversed()) {
    const once = shared('member', member);
    const [laterFollowing, laterLeading] = [following, leading];
    const skip = (rest: GrammarNode) => (isRequired ? [] : [rest]);
    leading = shared('members', choice(sequence(once, laterFollowing), ...skip(laterLeading)));
    following = shared(
      'more members',
      choice(sequence(COMMA, once, laterFollowing), ...skip(laterFollowing)),
    );
  }
  return leading;
}

function readRequired(schema: JsonObject, path: string, names: readonly string[]): ReadonlySet<string> {
  const required = schema['required'] ?? [];
  if (!isJsonArray(required)) throw schemaError(`${path}.required`, 'must be a list of names');
  for (const name of required) {
    if (typeof name !== 'string' || !names.includes(name)) {
      throw schemaError(`${path}.required`, `names ${JSON.stringify(name)}, which is not in properties`);
    }
  }
  return new Set(required.filter((name) => typeof name === 'string'));
}

function checkNames(names: readonly string[], path: string): void {
  if (names.length > MAX_PROPERTIES) {
    throw schemaError(
      `${path}.properties`,
      `has ${names.length} properties; at most ${MAX_PROPERTIES} are supported`,
    );
  }
  const long = names.find((name) => name.length > MAX_KEY_CHARS || !name.isWellFormed());
  if (long !== undefined) {
    throw schemaError(
      `${path}.properties`,
      `has a name of more than ${MAX_KEY_CHARS} characters or with half a character`,
    );
  }
}

function checkExcluded(names: readonly string[], path: string): void {
  const chars = names.reduce((sum, name) => sum + name.length, 0);
  if (chars > MAX_EXCLUDED_CHARS) {
    throw schemaError(
      `${path}.additionalProperties`,
      `must be false where the names in properties have more than ${MAX_EXCLUDED_CHARS} characters together`,
    );
  }
}
