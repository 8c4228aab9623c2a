import { expect, it } from 'vitest';
import { jsonObjectSchema, MAX_JSON_LEVELS } from './json-object.schema.js';

/** Objects and lists by turns. */
function nested(levels: number): unknown {
  let value: unknown = 'innermost';
  for (let level = levels; level > 0; level -= 1) value = level % 2 === 1 ? { a: value } : [value];
  return value;
}

it.each([1, 2, MAX_JSON_LEVELS - 1, MAX_JSON_LEVELS])('JSON of %i levels is taken as it is', (levels) => {
  expect(jsonObjectSchema.parse(nested(levels))).toEqual(nested(levels));
});

it.each([MAX_JSON_LEVELS + 1, 10_000, 100_000])('JSON of %i levels is refused, with the bound', (levels) => {
  const { success, error } = jsonObjectSchema.safeParse(nested(levels));
  expect(success).toBe(false);
  expect(error?.issues[0]?.message).toBe('at most 100 levels deep');
});
