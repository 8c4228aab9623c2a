import { type Automaton, buildAutomaton, type Loop } from './automaton.js';
import { GrammarError } from './grammar-error.js';
import type { GrammarNode } from './grammar-node.js';
import { FLOOR, type Frame, type MatchState, type Reading } from './match-state.js';
import { bytesOfLoop, findShortestEnds, hasLeftRecursion } from './shortest-ends.js';

/** Ways that one text may be read at the same time. */
const MAX_READINGS = 4096;
/** Bytes of states kept for later, about; past it all are forgotten and found again when needed. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;
const STATE_BYTES = 256;
const READING_BYTES = 96;
/** Of one state of the automaton, about. */
const AUTOMATON_STATE_BYTES = 384;

const NO_WAY: Automaton['states'][number] = { arcs: [], jumps: [], calls: [], loop: null };

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
  #nextStateId = 1;
  #keptBytes = 0;
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
    const start = this.enter([{ state: this.#automaton.start, frame: null }]);
    if (start === null) throw new GrammarError('matches no text at all');
    this.start = start;
  }

  /** The most memory that it takes, about. */
  get maxBytes(): number {
    return MAX_KEPT_BYTES + AUTOMATON_STATE_BYTES * this.#automaton.states.length;
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
    const next = this.enter(moved);
    from.next[byteClass] = next;
    return next;
  }

  /** First byte of the shortest rest, the least of several; null where nothing is missing. */
  shortestByte(from: MatchState): number | null {
    if (from.bytesToEnd === 0) return null;
    let best = Infinity;
    for (const { state, frame } of from.readings) {
      for (const { firstByte, to } of this.#automaton.states[state]?.arcs ?? []) {
        if (this.#bytesFrom(to, frame) === from.bytesToEnd - 1) best = Math.min(best, firstByte);
      }
    }
    if (best === Infinity) throw new Error('A shortest rest has no first byte');
    return best;
  }

  /** Classes of the bytes that a state may go on with, ascending. */
  nextClasses(from: MatchState): number[] {
    const classes = new Set<number>();
    for (const { state } of from.readings) {
      for (const { firstByte, lastByte } of this.#automaton.states[state]?.arcs ?? []) {
        const last = this.classOfByte[lastByte] ?? 0;
        for (let at = this.classOfByte[firstByte] ?? 0; at <= last; at += 1) classes.add(at);
      }
    }
    return [...classes].toSorted((a, b) => a - b);
  }

  loopAt(state: number): Loop | null {
    return this.#automaton.states[state]?.loop ?? null;
  }

  /** Whether a passage can be of no bytes. */
  mayBeEmpty({ entry }: Loop): boolean {
    return this.#shortestEnds[entry] === 0;
  }

  /**
   * The state of these readings once jumps, calls and returns are followed to where bytes are read; null where no text
   * can be completed from there.
   * @param endCounts as in `MatchState`, for readings on the floor
   */
  enter(moved: readonly Reading[], endCounts: readonly number[] = []): MatchState | null {
    const open: Place[] = moved.map(({ state, frame }) => ({ state, frame, count: 0 }));
    const seen = new Set<string>();
    const ends = new Set(endCounts);
    const readings: { key: string; reading: Reading }[] = [];
    let isAccepting = false;
    let bytesToEnd = ends.size === 0 ? Infinity : 0;
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      const { state, frame, count } = place;
      const missing = this.#bytesFrom(state, frame, count);
      const key = `${state}:${frame?.id ?? 0}:${count}`;
      if (missing === Infinity || seen.has(key)) continue;
      seen.add(key);
      this.#placesVisited += 1;
      if (seen.size > MAX_READINGS) throw new GrammarError('may be read in too many ways at once');
      bytesToEnd = Math.min(bytesToEnd, missing);
      if (this.#automaton.ends.has(state)) {
        if (frame === null) isAccepting = true;
        else open.push({ state: frame.returnTo, frame: frame.parent, count: frame.count });
        continue;
      }
      const { arcs, jumps, calls, loop } = this.#automaton.states[state] ?? NO_WAY;
      if (arcs.length > 0) readings.push({ key, reading: { state, frame } });
      for (const to of jumps) open.push({ state: to, frame, count: 0 });
      for (const { entry, to } of calls)
        open.push({ state: entry, frame: this.frame(to, frame, 0), count: 0 });
      if (loop === null) continue;
      const isOnFloor = frame === FLOOR;
      if (isOnFloor) ends.add(count);
      else if (count >= loop.least) open.push({ state: loop.to, frame, count: 0 });
      if (isOnFloor || loop.most === null || count < loop.most) {
        open.push({ state: loop.entry, frame: this.frame(state, frame, countOf(loop, count + 1)), count: 0 });
      }
    }
    if (readings.length === 0 && !isAccepting && ends.size === 0) return null;
    return this.#keep(readings, isAccepting, [...ends], bytesToEnd);
  }

  /** A call from `parent`. A rule called at the very end of another returns straight to that one's caller. */
  frame(returnTo: number, parent: Frame | null, count: number): Frame | null {
    if (this.#automaton.ends.has(returnTo)) return parent;
    const key = `${returnTo}:${parent?.id ?? 0}:${count}`;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const bytesToEnd = this.#bytesFrom(returnTo, parent, count);
    const frame = { id: this.#nextFrameId++, returnTo, count, parent, bytesToEnd };
    this.#frames.set(key, frame);
    return frame;
  }

  /** Drops what it knows of states; those that others hold stay valid and are only no longer found again. */
  forget(): void {
    for (const state of this.#states.values()) state.next.length = 0;
    this.#states.clear();
    this.#frames.clear();
    this.#keptBytes = 0;
  }

  #keep(
    readings: { key: string; reading: Reading }[],
    isAccepting: boolean,
    ends: number[],
    bytesToEnd: number,
  ): MatchState {
    readings.sort((a, b) => (a.key < b.key ? -1 : 1));
    const endCounts = ends.toSorted((a, b) => a - b);
    const key = `${isAccepting ? '!' : ''}${endCounts.join()}|${readings.map((entry) => entry.key).join(' ')}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    this.#keptBytes += STATE_BYTES + READING_BYTES * readings.length + 8 * this.#byteOfClass.length;
    if (this.#keptBytes > MAX_KEPT_BYTES) this.forget();
    const id = this.#nextStateId++;
    const state: MatchState = {
      id,
      readings: readings.map(({ reading }) => reading),
      isAccepting,
      endCounts,
      bytesToEnd,
      next: [],
    };
    this.#states.set(key, state);
    return state;
  }

  #bytesFrom(state: number, frame: Frame | null, count = 0): number {
    const loop = this.loopAt(state);
    if (frame === FLOOR) return 0;
    const own =
      loop === null ? (this.#shortestEnds[state] ?? Infinity) : bytesOfLoop(loop, count, this.#shortestEnds);
    return own + (frame?.bytesToEnd ?? 0);
  }
}

interface Place extends Reading {
  /** At a loop: how often it has been through. */
  readonly count: number;
}

/** Where there is no end, passages beyond the least number make no difference. */
export function countOf({ least, most }: Loop, count: number): number {
  return most === null ? Math.min(count, least) : count;
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
