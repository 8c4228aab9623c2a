import type { Loop } from './automaton.js';
import { FLOOR, type Frame, type MatchState, type Reading } from './match-state.js';
import { countOf, type Recogniser } from './recogniser.js';

/** Where a loop stands: its caller, and how often it has been through. */
export interface LoopPlace {
  readonly at: number;
  readonly loop: Loop;
  readonly caller: Frame | null;
  readonly count: number;
  /** Bytes of the shortest rest after the current passage. */
  readonly bytesToEnd: number;
}

/**
 * A state in two parts: what it is inside a loop, on the floor, where neither caller nor count is known and no passage is
 * the last one; and the place of that loop. Following a byte inside and then putting the place under it is the same as
 * following the byte from the state itself, except where the loop may end and a byte of `exitClasses` comes: what follows
 * the loop may take that one.
 */
export interface LoopView {
  readonly inside: MatchState;
  readonly place: LoopPlace;
  /** Ascending. */
  readonly exitClasses: readonly number[];
}

/** From the innermost loop that it can be; null where the readings of a state are not all of one or what follows it. */
export function viewFromLoop(recogniser: Recogniser, state: MatchState): LoopView | null {
  const loops = new Set(state.readings.map(({ frame }) => nearestLoop(recogniser, frame)));
  const passages = [...loops].filter((frame) => frame !== null).toSorted((a, b) => depthOf(b) - depthOf(a));
  for (const passage of passages) {
    const view = viewFrom(recogniser, state, passage);
    if (view !== null) return view;
  }
  return null;
}

function nearestLoop(recogniser: Recogniser, from: Frame | null): Frame | null {
  let frame = from;
  while (frame !== null && recogniser.loopAt(frame.returnTo) === null) frame = frame.parent;
  return frame;
}

function depthOf(from: Frame): number {
  let depth = 0;
  for (let frame: Frame | null = from; frame !== null; frame = frame.parent) depth += 1;
  return depth;
}

function viewFrom(
  recogniser: Recogniser,
  state: MatchState,
  { returnTo: at, parent: caller }: Frame,
): LoopView | null {
  const loop = recogniser.loopAt(at);
  if (loop === null || recogniser.mayBeEmpty(loop)) return null;
  const passages = state.readings.map(({ frame }) => passageOf(frame, at, caller));
  const first = Math.min(...passages.flatMap((passage) => (passage === null ? [] : [passage.count])));
  const count = Math.max(0, first - 1);
  const readings = state.readings.flatMap((reading, index) =>
    passages[index] === null
      ? []
      : [{ ...reading, frame: toFloor(recogniser, reading.frame, at, caller, count) }],
  );
  const bytesToEnd = recogniser.frame(at, caller, countOf(loop, count))?.bytesToEnd ?? 0;
  const place = { at, loop, caller, count, bytesToEnd };
  // Whether this is between two passages shows in the whole state only: whatever gives it back is right.
  for (const endCounts of [[], [Math.max(0, first - count - 1)], [first - count]]) {
    const inside = recogniser.enter(readings, endCounts);
    if (inside === null || putUnder(recogniser, inside, place) !== state) continue;
    const after = recogniser.enter([{ state: loop.to, frame: caller }]);
    return { inside, place, exitClasses: after === null ? [] : recogniser.nextClasses(after) };
  }
  return null;
}

/** The frame of a passage of the loop among the callers of a reading. */
function passageOf(from: Frame | null, at: number, caller: Frame | null): Frame | null {
  let frame = from;
  while (frame !== null && (frame.returnTo !== at || frame.parent !== caller)) frame = frame.parent;
  return frame;
}

function toFloor(
  recogniser: Recogniser,
  frame: Frame | null,
  at: number,
  caller: Frame | null,
  count: number,
): Frame | null {
  if (frame === null) return null;
  if (frame.returnTo === at && frame.parent === caller)
    return recogniser.frame(at, FLOOR, frame.count - count);
  return recogniser.frame(frame.returnTo, toFloor(recogniser, frame.parent, at, caller, count), frame.count);
}

/** The whole state of one inside a loop; null where the loop's counts do not allow it. */
export function putUnder(recogniser: Recogniser, inside: MatchState, place: LoopPlace): MatchState | null {
  const { loop, caller, count } = place;
  const most = loop.most ?? Infinity;
  const readings: Reading[] = inside.readings
    .filter(({ frame }) => count + floorCount(frame) <= most)
    .map(({ state, frame }) => ({ state, frame: fromFloor(recogniser, frame, place) }));
  if (inside.endCounts.some((passed) => count + passed >= loop.least && count + passed <= most)) {
    readings.push({ state: loop.to, frame: caller });
  }
  return readings.length === 0 ? null : recogniser.enter(readings);
}

function fromFloor(recogniser: Recogniser, frame: Frame | null, place: LoopPlace): Frame | null {
  if (frame === null) return null;
  if (frame.parent !== FLOOR) {
    return recogniser.frame(frame.returnTo, fromFloor(recogniser, frame.parent, place), frame.count);
  }
  return recogniser.frame(place.at, place.caller, countOf(place.loop, place.count + frame.count));
}

/** How often the loop will have been through after the passage of a reading on the floor. */
function floorCount(from: Frame | null): number {
  let frame = from;
  while (frame !== null && frame.parent !== FLOOR) frame = frame.parent;
  return frame?.count ?? 0;
}

/** The passages that the readings of a state on the floor need, from the fewest to the most; the ends are among them. */
export function passagesOf({ readings, endCounts }: MatchState): { fewest: number; most: number } {
  const counts = [...endCounts, ...readings.map(({ frame }) => floorCount(frame))];
  return { fewest: Math.min(...counts), most: Math.max(...counts) };
}
