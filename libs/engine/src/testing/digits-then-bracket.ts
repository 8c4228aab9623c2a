import type { TokenConstraint } from '../ports/token-constraint.port.js';

export interface CheckedConstraint extends TokenConstraint {
  readonly accepted: readonly number[];
  readonly closings: number;
}

/** Any digits, then a closing bracket: forced with the last token. Keeps what it was told. */
export function digitsThenBracket(digits: readonly number[], bracket: number): CheckedConstraint {
  const accepted: number[] = [];
  let closings = 0;
  const maskOf = (ids: readonly number[]) => {
    const words = new Int32Array(Math.max(...digits, bracket) / 32 + 1);
    for (const id of ids) words[id >> 5]! |= 1 << (id & 31);
    return words;
  };
  return {
    accepted,
    get closings() {
      return closings;
    },
    allowedTokens: (remaining) => maskOf(remaining > 1 ? [...digits, bracket] : [bracket]),
    accept: (id) => {
      if (accepted.includes(bracket) || ![...digits, bracket].includes(id)) throw new Error(`no ${id} here`);
      accepted.push(id);
    },
    minRemainingTokens: () => (accepted.includes(bracket) ? 0 : 1),
    get isComplete() {
      return accepted.includes(bracket);
    },
    close: () => {
      closings += 1;
    },
  };
}
