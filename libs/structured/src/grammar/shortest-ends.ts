import type { Automaton, Loop } from './automaton.js';

const NO_WAY: Automaton['states'][number] = { arcs: [], jumps: [], calls: [], loop: null };

/**
 * Bytes of the shortest way from each state to the end of its rule; Infinity where there is none. Knuth's
 * generalization of Dijkstra's algorithm (1977), as rounds until nothing changes.
 */
export function findShortestEnds({ states, ends }: Automaton): Float64Array {
  const bytes = new Float64Array(states.length).fill(Infinity);
  for (const end of ends) bytes[end] = 0;
  const at = (state: number): number => bytes[state] ?? Infinity;
  const dependents = findDependents(states);
  const queue = new Set([...ends].flatMap((end) => dependents[end] ?? []));
  for (const state of queue) {
    queue.delete(state);
    const { arcs, jumps, calls, loop } = states[state] ?? NO_WAY;
    let best = loop === null ? at(state) : bytesOfLoop(loop, 0, bytes);
    for (const { to } of arcs) best = Math.min(best, 1 + at(to));
    for (const to of jumps) best = Math.min(best, at(to));
    for (const { entry, to } of calls) best = Math.min(best, at(entry) + at(to));
    if (best === bytes[state]) continue;
    bytes[state] = best;
    for (const dependent of dependents[state] ?? []) queue.add(dependent);
  }
  return bytes;
}

/** Bytes of the shortest way on from a loop that has been through `count` times. */
export function bytesOfLoop({ entry, to, least }: Loop, count: number, shortestEnds: Float64Array): number {
  const exit = shortestEnds[to] ?? Infinity;
  return count >= least ? exit : (least - count) * (shortestEnds[entry] ?? Infinity) + exit;
}

/** States whose shortest way may lead through a state. */
function findDependents(states: Automaton['states']): number[][] {
  const dependents: number[][] = states.map(() => []);
  states.forEach(({ arcs, jumps, calls, loop }, from) => {
    for (const { to } of arcs) dependents[to]?.push(from);
    for (const to of jumps) dependents[to]?.push(from);
    for (const { entry, to } of loop === null ? calls : [loop]) {
      dependents[entry]?.push(from);
      dependents[to]?.push(from);
    }
  });
  return dependents;
}

/** Whether a rule can begin with itself before any byte: matching it would never end. */
export function hasLeftRecursion({ states }: Automaton, shortestEnds: Float64Array): boolean {
  const colour = new Map<number, 'open' | 'done'>();
  const visitEntry = (entry: number): boolean => {
    const known = colour.get(entry);
    if (known !== undefined) return known === 'open';
    colour.set(entry, 'open');
    const seen = new Set<number>([entry]);
    for (const state of seen) {
      const { jumps, calls, loop } = states[state] ?? NO_WAY;
      for (const to of jumps) seen.add(to);
      for (const call of loop === null ? calls : [loop]) {
        if (visitEntry(call.entry)) return true;
        if (shortestEnds[call.entry] === 0) seen.add(call.to);
      }
    }
    colour.set(entry, 'done');
    return false;
  };
  const called = states.flatMap(({ calls, loop }) => (loop === null ? calls : [loop]));
  return [...new Set(called.map(({ entry }) => entry))].some(visitEntry);
}
