import * as fc from 'fast-check';
import { z } from 'zod';
import type { RestrictingFormat } from '../format-grammar.js';

export type Schema = Record<string, unknown>;

export function schemaFormat(schema: Schema): RestrictingFormat {
  return {
    type: 'json_schema',
    json_schema: { name: 'test', schema: z.record(z.string(), z.json()).parse(schema) },
  };
}

const whole = fc.integer({ min: -300, max: 300 });
const bounds = fc
  .tuple(whole, fc.nat(1500), fc.boolean(), fc.boolean())
  .map(([least, span, leastIsOpen, mostIsOpen]) => ({
    [leastIsOpen ? 'exclusiveMinimum' : 'minimum']: least,
    [mostIsOpen ? 'exclusiveMaximum' : 'maximum']: least + span + 2,
  }));
const PATTERNS = ['^[a-c]+$', 'x\\d', '^(é|"|\\\\|\\n){2,3}$', '^a|b$', '[^a-z]', '^$|^\\w{3}'];
const key = fc.constantFrom('a', 'ab', 'kind', 'key "q"', 'é', '');

const schemas = fc.letrec<{ schema: Schema; leaf: Schema }>((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom({ type: 'string' }, { type: 'integer' }, { type: 'number' }, { type: 'boolean' }, {}),
    fc.constantFrom(
      { $ref: '#/$defs/tree' },
      { type: ['string', 'null'] },
      { enum: [1, 'é"', null, [1, {}]] },
    ),
    fc
      .tuple(fc.nat(3), fc.nat(4))
      .map(([least, more]) => ({ type: 'string', minLength: least, maxLength: least + more })),
    fc.constantFrom(...PATTERNS).map((pattern) => ({ type: 'string', pattern })),
    fc
      .constantFrom('date', 'time', 'date-time', 'uuid', 'ipv4', 'email')
      .map((format) => ({ type: 'string', format })),
    fc.tuple(fc.constantFrom('integer', 'number'), bounds).map(([type, limits]) => ({ type, ...limits })),
  ),
  schema: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    tie('leaf'),
    fc
      .tuple(
        tie('schema'),
        fc.nat(2),
        fc.option(fc.nat(3), { nil: null }),
        fc.array(tie('schema'), { maxLength: 2 }),
      )
      .map(([items, minItems, more, prefixItems]) => ({
        type: 'array',
        items,
        minItems,
        ...(more === null ? {} : { maxItems: minItems + more }),
        ...(prefixItems.length === 0 ? {} : { prefixItems }),
      })),
    fc
      .tuple(
        fc.uniqueArray(fc.tuple(key, tie('schema'), fc.boolean()), {
          maxLength: 4,
          selector: ([name]) => name,
        }),
        fc.option(fc.oneof(fc.boolean(), tie('leaf')), { nil: undefined }),
      )
      .map(([properties, additionalProperties]) => ({
        type: 'object',
        properties: Object.fromEntries(properties),
        required: properties.filter(([, , isRequired]) => isRequired).map(([name]) => name),
        ...(additionalProperties === undefined ? {} : { additionalProperties }),
      })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
}));

const TREE = {
  type: 'object',
  properties: { kind: { const: 'tree' }, children: { type: 'array', items: { $ref: '#/$defs/tree' } } },
  required: ['kind', 'children'],
};

/** Schemas of all that is supported, some of which refer to themselves. */
export const anySchema: fc.Arbitrary<Schema> = schemas.schema.map((part) => ({
  ...part,
  $defs: { tree: TREE },
}));
