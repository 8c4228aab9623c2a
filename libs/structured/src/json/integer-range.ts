import {
  character,
  choice,
  type GrammarNode,
  NEVER,
  repeat,
  sequence,
  text,
} from '../grammar/grammar-node.js';
import { DIGIT } from './json-grammar.js';

/** Integers from `least` to `most`, both safe integers. */
export function integerRange(least: number, most: number): GrammarNode {
  if (least > most) return NEVER;
  if (most < 0) return sequence(text('-'), naturalRange(-most, -least));
  if (least >= 0) return naturalRange(least, most);
  return choice(sequence(text('-'), naturalRange(1, -least)), naturalRange(0, most));
}

/** By length, then by common first digits. */
function naturalRange(least: number, most: number): GrammarNode {
  const parts: GrammarNode[] = [];
  for (let from = least; from <= most;) {
    const digits = String(from).length;
    const to = Math.min(most, 10 ** digits - 1);
    parts.push(sameLength(String(from), String(to)));
    from = to + 1;
  }
  return choice(...parts);
}

/** Of as many digits each. Where all digits may follow they are not told apart, so that the parts grow with the length only. */
function sameLength(least: string, most: string): GrammarNode {
  if (/^0*$/.test(least) && /^9*$/.test(most)) return repeat(DIGIT, least.length, least.length);
  const rest = least.length - 1;
  const low = Number(least[0]);
  const high = Number(most[0]);
  if (low === high) return sequence(text(String(low)), sameLength(least.slice(1), most.slice(1)));
  const parts = [
    sequence(text(String(low)), sameLength(least.slice(1), '9'.repeat(rest))),
    sequence(text(String(high)), sameLength('0'.repeat(rest), most.slice(1))),
  ];
  if (high - low > 1) {
    parts.push(sequence(character([0x30 + low + 1, 0x30 + high - 1]), repeat(DIGIT, rest, rest)));
  }
  return choice(...parts);
}
