import { type Automaton, buildAutomaton } from './automaton.js';
import { GrammarError } from './grammar-error.js';
import type { GrammarNode } from './grammar-node.js';
import { findShortestEnds, hasLeftRecursion } from './shortest-ends.js';

/** Ways that one text may be read at the same time. */
const MAX_READINGS = 4096;
/** States kept for later; past it all are forgotten and found again when needed. */
const MAX_KEPT_STATES = 20_000;

/** Where a rule that was called goes on. */
interface Frame {
  readonly id: number;
  readonly returnTo: number;
  readonly parent: Frame | null;
  /** Bytes of the shortest way from here out of all callers. */
  readonly bytesToEnd: number;
}

interface Reading {
  readonly state: number;
  readonly frame: Frame | null;
}

/** All that is known after some bytes. Equal states are the same object while they are kept. */
export interface MatchState {
  readonly readings: readonly Reading[];
  /** What was read is a whole text. */
  readonly isAccepting: boolean;
  /** Bytes of the shortest rest; 0 where it is whole. */
  readonly bytesToEnd: number;
  /** By class of byte; null: no text goes on so, undefined: not known yet. */
  readonly next: (MatchState | null | undefined)[];
}

/**
 * Reads text byte by byte: a set of places in the network, each with the stack of its callers, determinised as it is
 * needed. One belongs to a grammar and is shared by its sequences.
 */
export class Recogniser {
  readonly start: MatchState;
  /** Bytes of one class lead to the same places from everywhere. */
  readonly classOfByte: Uint8Array;
  readonly #automaton: Automaton;
  readonly #shortestEnds: Float64Array;
  readonly #byteOfClass: number[];
  readonly #states = new Map<string, MatchState>();
  readonly #frames = new Map<string, Frame>();
  #nextFrameId = 1;
  #placesVisited = 0;

  /** @throws GrammarError where no text matches or a rule begins with itself */
  constructor(grammar: GrammarNode) {
    this.#automaton = buildAutomaton(grammar);
    this.#shortestEnds = findShortestEnds(this.#automaton);
    if (hasLeftRecursion(this.#automaton, this.#shortestEnds)) {
      throw new GrammarError('refers to itself without anything in between');
    }
    this.classOfByte = classifyBytes(this.#automaton);
    this.#byteOfClass = firstOfEachClass(this.classOfByte);
    const start = this.#enter([{ state: this.#automaton.start, frame: null }]);
    if (start === null) throw new GrammarError('matches no text at all');
    this.start = start;
  }

  /** Grows with the work done so far, for those who bound it. */
  get placesVisited(): number {
    return this.#placesVisited;
  }

  /** Null where no text goes on with this byte. @throws GrammarError where it may be read in too many ways */
  step(from: MatchState, byte: number): MatchState | null {
    return this.stepClass(from, this.classOfByte[byte] ?? 0);
  }

  stepClass(from: MatchState, byteClass: number): MatchState | null {
    const known = from.next[byteClass];
    if (known !== undefined) return known;
    const byte = this.#byteOfClass[byteClass] ?? 0;
    const moved: Reading[] = [];
    for (const { state, frame } of from.readings) {
      for (const { firstByte, lastByte, to } of this.#automaton.states[state]?.arcs ?? []) {
        if (byte >= firstByte && byte <= lastByte) moved.push({ state: to, frame });
      }
    }
    const next = this.#enter(moved);
    from.next[byteClass] = next;
    return next;
  }

  /** First byte of the shortest rest, the same one each time; null where nothing is missing. */
  shortestByte(from: MatchState): number | null {
    if (from.bytesToEnd === 0) return null;
    const best = this.#byteOfClass.find(
      (_, byteClass) => this.stepClass(from, byteClass)?.bytesToEnd === from.bytesToEnd - 1,
    );
    if (best === undefined) throw new Error('A shortest rest has no first byte');
    return best;
  }

  /** Follows jumps, calls and returns, and keeps the places where a byte is read. */
  #enter(moved: readonly Reading[]): MatchState | null {
    const open = [...moved];
    const seen = new Set<string>();
    const readings: { key: string; reading: Reading }[] = [];
    let isAccepting = false;
    let bytesToEnd = Infinity;
    for (let reading = open.pop(); reading !== undefined; reading = open.pop()) {
      const { state, frame } = reading;
      const missing = this.#bytesFrom(state, frame);
      const key = `${state}:${frame?.id ?? 0}`;
      if (missing === Infinity || seen.has(key)) continue;
      seen.add(key);
      this.#placesVisited += 1;
      if (seen.size > MAX_READINGS) throw new GrammarError('may be read in too many ways at once');
      bytesToEnd = Math.min(bytesToEnd, missing);
      if (this.#automaton.ends.has(state)) {
        if (frame === null) isAccepting = true;
        else open.push({ state: frame.returnTo, frame: frame.parent });
        continue;
      }
      const { arcs, jumps, calls } = this.#automaton.states[state] ?? { arcs: [], jumps: [], calls: [] };
      if (arcs.length > 0) readings.push({ key, reading });
      for (const to of jumps) open.push({ state: to, frame });
      for (const { entry, to } of calls) open.push({ state: entry, frame: this.#push(to, frame) });
    }
    if (readings.length === 0 && !isAccepting) return null;
    return this.#keep(readings, isAccepting, bytesToEnd);
  }

  #keep(readings: { key: string; reading: Reading }[], isAccepting: boolean, bytesToEnd: number): MatchState {
    readings.sort((a, b) => (a.key < b.key ? -1 : 1));
    const key = `${isAccepting ? '!' : ''}${readings.map((entry) => entry.key).join(' ')}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_KEPT_STATES) this.#forget();
    const state = { readings: readings.map(({ reading }) => reading), isAccepting, bytesToEnd, next: [] };
    this.#states.set(key, state);
    return state;
  }

  /** The states that sequences hold stay valid; they are only no longer found again. */
  #forget(): void {
    for (const state of this.#states.values()) state.next.length = 0;
    this.#states.clear();
    this.#frames.clear();
  }

  /** A rule called at the very end of another returns straight to that one's caller. */
  #push(returnTo: number, parent: Frame | null): Frame | null {
    if (this.#automaton.ends.has(returnTo)) return parent;
    const key = `${returnTo}:${parent?.id ?? 0}`;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const bytesToEnd = this.#bytesFrom(returnTo, parent);
    const frame = { id: this.#nextFrameId++, returnTo, parent, bytesToEnd };
    this.#frames.set(key, frame);
    return frame;
  }

  #bytesFrom(state: number, frame: Frame | null): number {
    return (this.#shortestEnds[state] ?? Infinity) + (frame?.bytesToEnd ?? 0);
  }
}

/** Bytes that no arc tells apart share a class. */
function classifyBytes({ states }: Automaton): Uint8Array {
  const isBoundary = new Uint8Array(257);
  for (const { arcs } of states) {
    for (const { firstByte, lastByte } of arcs) {
      isBoundary[firstByte] = 1;
      isBoundary[lastByte + 1] = 1;
    }
  }
  let current = 0;
  return Uint8Array.from({ length: 256 }, (_, byte) => {
    if (byte > 0) current += isBoundary[byte] ?? 0;
    return current;
  });
}

function firstOfEachClass(classOfByte: Uint8Array): number[] {
  const first: number[] = [];
  classOfByte.forEach((byteClass, byte) => (first[byteClass] ??= byte));
  return first;
}
