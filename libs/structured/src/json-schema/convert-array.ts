import {
  type GrammarNode,
  NOTHING,
  optional,
  repeat,
  sequence,
  shared,
  text,
} from '../grammar/grammar-node.js';
import { ANY_VALUE, COMMA } from '../json/json-grammar.js';
import type { Json } from '../json/json-literal.js';
import { schemaError } from './schema-error.js';
import { isJsonArray, type JsonObject, readCount } from './schema-keywords.js';
import type { ConvertPart } from './schema-types.js';

const MAX_ITEMS = 1024;

/** Null where any array will do. After `prefixItems` nothing follows unless `items` says what. */
export function convertArray(schema: JsonObject, path: string, part: ConvertPart): GrammarNode | null {
  const prefix = schema['prefixItems'] ?? [];
  if (!isJsonArray(prefix)) throw schemaError(`${path}.prefixItems`, 'must be a list of schemas');
  if (prefix.length > MAX_ITEMS) {
    throw schemaError(
      `${path}.prefixItems`,
      `has ${prefix.length} schemas; at most ${MAX_ITEMS} are supported`,
    );
  }
  const items: Json = schema['items'] ?? prefix.length === 0;
  const least = readCount(schema, path, 'minItems', MAX_ITEMS) ?? 0;
  const most = readCount(schema, path, 'maxItems', MAX_ITEMS) ?? null;
  if (items === true && prefix.length === 0 && least === 0 && most === null) return null;
  const item = items === true ? ANY_VALUE : shared('item', part(items, `${path}.items`));
  const first = prefix.map((schemaOfItem, index) => part(schemaOfItem, `${path}.prefixItems[${index}]`));
  return sequence(text('['), listOf(first, item, least, most), text(']'));
}

/** `first` in order, then any number of `item`; from `least` to `most` in all. */
function listOf(
  first: readonly GrammarNode[],
  item: GrammarNode,
  least: number,
  most: number | null,
): GrammarNode {
  if (most === 0) return NOTHING;
  const [head, ...rest] = first;
  const following = shared('following', sequence(COMMA, item));
  let tail = repeat(
    following,
    Math.max(0, least - Math.max(first.length, 1)),
    most === null ? null : Math.max(0, most - Math.max(first.length, 1)),
  );
  for (const [index, node] of [...rest.entries()].toReversed()) {
    const count = index + 2;
    if (most !== null && count > most) {
      tail = NOTHING;
      continue;
    }
    const more = sequence(COMMA, node, tail);
    tail = shared('rest of the list', count <= least ? more : optional(more));
  }
  const list = sequence(head ?? item, tail);
  return least === 0 ? optional(list) : list;
}
