import { uniformAt } from './uniform-at.js';

/**
 * Seed of one of several choices for the same request: the request's own for the first, others far apart from it and
 * from each other.
 * @returns integer from 0 to 2^53 - 1
 */
export function seedOfChoice(seed: number, index: number): number {
  return index === 0 ? seed : uniformAt(seed, CHOICE_POSITIONS + index) * 2 ** 53;
}

/** Past every position of a context, so that a choice's seed is no draw of another one's text. */
const CHOICE_POSITIONS = 2 ** 31;
