import { z } from 'zod';

/** Lists and objects within each other; what comes later walks them by recursion. */
export const MAX_JSON_LEVELS = 100;

const anyJson: z.ZodType<z.core.util.JSONType> = z.any();

/**
 * Any JSON object up to `MAX_JSON_LEVELS` deep. What a JSON parser made is JSON all the way down, so that its depth is all
 * that is left to check; level by level, so that no nesting overflows the stack.
 */
export const jsonObjectSchema = z
  .record(z.string(), anyJson)
  .refine((value) => isWithinLevels(value, MAX_JSON_LEVELS), `at most ${MAX_JSON_LEVELS} levels deep`);

function isWithinLevels(value: object, most: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === most) return false;
    level = level.flatMap((parent) => childrenOf(parent));
  }
  return true;
}

function childrenOf(parent: unknown): unknown[] {
  if (typeof parent !== 'object' || parent === null) return [];
  return Object.values(parent).filter((child) => typeof child === 'object' && child !== null);
}
