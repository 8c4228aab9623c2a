import type { Automaton } from './automaton.js';

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
    const { arcs, jumps, calls } = states[state] ?? { arcs: [], jumps: [], calls: [] };
    let best = at(state);
    for (const { to } of arcs) best = Math.min(best, 1 + at(to));
    for (const to of jumps) best = Math.min(best, at(to));
    for (const { entry, to } of calls) best = Math.min(best, at(entry) + at(to));
    if (best === bytes[state]) continue;
    bytes[state] = best;
    for (const dependent of dependents[state] ?? []) queue.add(dependent);
  }
  return bytes;
}

/** States whose shortest way may lead through a state. */
function findDependents(states: Automaton['states']): number[][] {
  const dependents: number[][] = states.map(() => []);
  states.forEach(({ arcs, jumps, calls }, from) => {
    for (const { to } of arcs) dependents[to]?.push(from);
    for (const to of jumps) dependents[to]?.push(from);
    for (const { entry, to } of calls) {
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
      const { jumps, calls } = states[state] ?? { jumps: [], calls: [] };
      for (const to of jumps) seen.add(to);
      for (const call of calls) {
        if (visitEntry(call.entry)) return true;
        if (shortestEnds[call.entry] === 0) seen.add(call.to);
      }
    }
    colour.set(entry, 'done');
    return false;
  };
  return [...new Set(states.flatMap(({ calls }) => calls.map(({ entry }) => entry)))].some(visitEntry);
}
