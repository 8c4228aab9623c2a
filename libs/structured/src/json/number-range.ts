import {
  character,
  choice,
  type GrammarNode,
  NEVER,
  optional,
  repeat,
  sequence,
  text,
} from '../grammar/grammar-node.js';
import { integerRange } from './integer-range.js';
import { DIGIT, SAFE_DIGITS } from './json-grammar.js';

/** Whole numbers both; `isOpen` leaves the bound itself out. */
export interface NumberBounds {
  readonly least: number;
  readonly leastIsOpen: boolean;
  readonly most: number;
  readonly mostIsOpen: boolean;
}

/** Decimal numbers within bounds, without exponent, with as many digits as a double tells apart from the bounds. */
export function numberRange({ least, leastIsOpen, most, mostIsOpen }: NumberBounds): GrammarNode {
  const parts: GrammarNode[] = [];
  if (most >= 0) {
    const isFromZero = least < 0;
    parts.push(magnitudes(isFromZero ? 0 : least, isFromZero ? false : leastIsOpen, most, mostIsOpen));
  }
  if (least < 0) {
    const isFromZero = most > 0;
    const negative = magnitudes(isFromZero ? 0 : -most, isFromZero ? false : mostIsOpen, -least, leastIsOpen);
    parts.push(sequence(text('-'), negative));
  }
  return choice(...parts);
}

function magnitudes(least: number, leastIsOpen: boolean, most: number, mostIsOpen: boolean): GrammarNode {
  const digits = Math.max(1, SAFE_DIGITS - String(most).length);
  const fraction = sequence(text('.'), repeat(DIGIT, 1, digits));
  /** At least a tenth, so that it never rounds to the bound. */
  const clearFraction = sequence(text('.'), character([0x31, 0x39]), repeat(DIGIT, 0, digits - 1));
  if (least > most) return NEVER;
  if (least === most) return leastIsOpen || mostIsOpen ? NEVER : text(String(least));
  return choice(
    sequence(text(String(least)), leastIsOpen ? clearFraction : optional(fraction)),
    sequence(integerRange(least + 1, most - 1), optional(fraction)),
    mostIsOpen ? NEVER : text(String(most)),
  );
}
