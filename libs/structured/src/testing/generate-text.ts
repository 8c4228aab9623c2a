import type { TokenConstraint } from '#engine';
import type { ConstraintVocabulary } from '../constraint/constraint-compiler.js';

/** Picks one of the allowed tokens. */
export type PickToken = (allowed: readonly number[]) => number;

export function allowedIds(mask: Int32Array): number[] {
  return Array.from(mask).flatMap((word, index) =>
    Array.from({ length: 32 }, (_, bit) => bit)
      .filter((bit) => (word >>> bit) & 1)
      .map((bit) => index * 32 + bit),
  );
}

/**
 * Runs a constraint as the engine does, whatever `pick` wants. The text is whole, or the run throws: where no token is
 * allowed, or the budget ends first.
 */
export function generateText(
  constraint: TokenConstraint,
  { bytesOf, endTokenIds }: ConstraintVocabulary,
  maxTokens: number,
  pick: PickToken,
): string {
  const bytes: number[] = [];
  for (let remaining = maxTokens; remaining > 0; remaining -= 1) {
    const allowed = allowedIds(constraint.allowedTokens(remaining));
    if (allowed.length === 0) throw new Error(`No token after ${Buffer.from(bytes).toString()}`);
    const token = pick(allowed);
    constraint.accept(token);
    bytes.push(...(bytesOf[token] ?? []));
    if (constraint.isComplete || endTokenIds.includes(token)) {
      return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
    }
  }
  throw new Error(`Cut short: ${Buffer.from(bytes).toString()}`);
}

/** A small generator of pseudo-random numbers (mulberry32). */
export function randomPick(seed: number): PickToken {
  let state = seed | 0;
  return (allowed) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return allowed[((mixed ^ (mixed >>> 14)) >>> 0) % allowed.length] ?? -1;
  };
}
