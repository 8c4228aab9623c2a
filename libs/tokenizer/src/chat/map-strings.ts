import { DroverError } from '#contracts';

/** Far over any real schema, far under what overflows the stack of a template. */
const MAX_LEVELS = 100;

/**
 * The same value with every string in it mapped, the names of properties too.
 * @throws DroverError `invalid_value` for lists and objects nested deeper than 100 levels.
 */
export function mapStrings<T>(value: T, map: (text: string) => string): T;
export function mapStrings(value: unknown, map: (text: string) => string): unknown {
  return mapLevel(value, map, MAX_LEVELS);
}

function mapLevel(value: unknown, map: (text: string) => string, levels: number): unknown {
  if (typeof value === 'string') return map(value);
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) {
    const message = `Tools and arguments may be nested ${MAX_LEVELS} levels deep; make them flatter.`;
    throw new DroverError('invalid_value', message, { param: 'input' });
  }
  const inner = (item: unknown) => mapLevel(item, map, levels - 1);
  if (Array.isArray(value)) return value.map(inner);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [map(key), inner(item)]));
}
