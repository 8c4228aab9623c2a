/** Where a rule that was called goes on. */
export interface Frame {
  readonly id: number;
  readonly returnTo: number;
  /** Of a call by a loop: how often the loop will have been through; 0 of other calls. */
  readonly count: number;
  /** Null where the text ends with the rule. */
  readonly parent: Frame | null;
  /** Bytes of the shortest way from here out of all callers. */
  readonly bytesToEnd: number;
}

/** Stands below a loop for all places that one may be in: see `LoopFloor`. */
export const FLOOR: Frame = { id: -1, returnTo: -1, count: 0, parent: null, bytesToEnd: 0 };

export interface Reading {
  readonly state: number;
  readonly frame: Frame | null;
}

/** All that is known after some bytes. Equal states are the same object while they are kept. */
export interface MatchState {
  /** Never used twice by one recogniser. */
  readonly id: number;
  readonly readings: readonly Reading[];
  /** What was read is a whole text. */
  readonly isAccepting: boolean;
  /** On the floor: how often the loop has been through where it may end here, ascending. */
  readonly endCounts: readonly number[];
  /** Bytes of the shortest rest; 0 where it is whole. On the floor, of the rest of the current passage. */
  readonly bytesToEnd: number;
  /** By class of byte; null: no text goes on so, undefined: not known yet. */
  readonly next: (MatchState | null | undefined)[];
}
