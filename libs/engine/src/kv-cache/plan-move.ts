/** A slot whose sequence could be moved. */
export interface MovableSlot {
  readonly slot: number;
  /** Tokens that a move copies. */
  readonly tokens: number;
  /** Tokens that its sequence may still generate. */
  readonly remainingTokens: number;
}

export interface SlotMove {
  readonly from: number;
  readonly to: number;
}

/** Copying this many tokens of cache takes no longer than a padding row of one step: 900 to 2,000 were measured. */
const TOKENS_PER_PADDING_ROW = 500;
/** Steps that a hole is thought to stay, since a new sequence would fill it. */
const STEPS_OF_A_HOLE = 64;

/**
 * The move that makes the range of taken slots shorter, where one pays: a decode runs over the whole range, each hole
 * in it as a padding row. One of the two ends goes to the hole that leaves the shortest range.
 */
export function planMove(taken: readonly MovableSlot[], slots: number): SlotMove | null {
  if (taken.length === 0) return null;
  const sorted = taken.toSorted((a, b) => a.slot - b.slot);
  const holes = holesIn(new Set(sorted.map(({ slot }) => slot)), slots);
  const span = spanOf(sorted);
  let best: SlotMove | null = null;
  let mostSaved = 0;
  for (const mover of new Set([sorted.at(-1)!, sorted[0]!])) {
    const others = sorted.filter((other) => other !== mover);
    for (const to of holes) {
      const savedRows = span - spanOf([...others, { slot: to }]);
      if (savedRows <= mostSaved || !pays(savedRows, mover)) continue;
      best = { from: mover.slot, to };
      mostSaved = savedRows;
    }
  }
  return best;
}

function pays(savedRows: number, { tokens, remainingTokens }: MovableSlot): boolean {
  const steps = Math.min(remainingTokens, STEPS_OF_A_HOLE);
  return savedRows * steps * TOKENS_PER_PADDING_ROW > tokens;
}

function holesIn(taken: ReadonlySet<number>, slots: number): number[] {
  return Array.from({ length: slots }, (_, slot) => slot).filter((slot) => !taken.has(slot));
}

function spanOf(slots: readonly { readonly slot: number }[]): number {
  const numbers = slots.map(({ slot }) => slot);
  return Math.max(...numbers) - Math.min(...numbers) + 1;
}
