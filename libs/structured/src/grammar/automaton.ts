import { normaliseRanges, utf8Sequences } from './code-points.js';
import type { GrammarNode, GrammarRule } from './grammar-node.js';
import { GrammarError } from './grammar-error.js';

/** What an automaton may hold; building so many takes some tens of milliseconds. */
const MAX_STATES = 30_000;

interface Arc {
  readonly firstByte: number;
  readonly lastByte: number;
  readonly to: number;
}

interface Call {
  /** First state of the rule. */
  readonly entry: number;
  /** Where matching goes on once the rule has ended. */
  readonly to: number;
}

/** Calls of one rule after another, from `least` to `most` times; `most` null is without end. */
export interface Loop {
  readonly entry: number;
  readonly to: number;
  readonly least: number;
  readonly most: number | null;
}

interface AutomatonState {
  readonly arcs: Arc[];
  readonly jumps: number[];
  readonly calls: Call[];
  /** Where there is one, nothing else leads out of the state. */
  loop: Loop | null;
}

/**
 * A recursive transition network over bytes (Woods, "Transition Network Grammars for Natural Language Analysis", 1970):
 * states with arcs over byte ranges, jumps for free, calls of rules, and calls that are counted.
 */
export interface Automaton {
  readonly states: readonly AutomatonState[];
  readonly start: number;
  /** Last states of rules; nothing leads out of them. */
  readonly ends: ReadonlySet<number>;
}

/** @throws GrammarError where it would take too many states */
export function buildAutomaton(root: GrammarNode): Automaton {
  const builder = new AutomatonBuilder();
  const { entry } = builder.rule({ name: 'root', body: root });
  builder.finish();
  return { states: builder.states, start: entry, ends: builder.ends };
}

class AutomatonBuilder {
  readonly states: AutomatonState[] = [];
  readonly ends = new Set<number>();
  readonly #rules = new Map<GrammarRule, { entry: number; end: number }>();
  readonly #unfinished: GrammarRule[] = [];

  /** Its states; the body follows in `finish`, so that rules may be nested to any depth and refer to each other. */
  rule(rule: GrammarRule): { entry: number; end: number } {
    const known = this.#rules.get(rule);
    if (known !== undefined) return known;
    const bounds = { entry: this.#addState(), end: this.#addState() };
    this.ends.add(bounds.end);
    this.#rules.set(rule, bounds);
    this.#unfinished.push(rule);
    return bounds;
  }

  finish(): void {
    for (let rule = this.#unfinished.pop(); rule !== undefined; rule = this.#unfinished.pop()) {
      const { entry, end } = this.rule(rule);
      this.#add(rule.body, entry, end);
    }
  }

  #add(node: GrammarNode, from: number, to: number): void {
    switch (node.kind) {
      case 'text':
        return this.#addBytes(
          Array.from(new TextEncoder().encode(node.text), (byte) => [byte, byte] as const),
          from,
          to,
        );
      case 'character':
        for (const range of normaliseRanges(node.ranges)) {
          for (const bytes of utf8Sequences(range)) this.#addBytes(bytes, from, to);
        }
        return;
      case 'sequence':
        return this.#addChain(node.parts, from, to);
      case 'choice':
        for (const part of node.parts) this.#add(part, from, to);
        return;
      case 'repeat':
        return this.#addRepeat(node, from, to);
      case 'rule':
        this.#state(from).calls.push({ entry: this.rule(node.rule).entry, to });
        return;
      default:
        return node satisfies never;
    }
  }

  /** A repetition is one state whatever its counts: they are kept with the caller. */
  #addRepeat({ part, least, most }: GrammarNode & { kind: 'repeat' }, from: number, to: number): void {
    if (least === 0) this.#jump(from, to);
    if (most === 0) return;
    if (most === 1) return this.#add(part, from, to);
    const { rule } = part.kind === 'rule' ? part : { rule: { name: 'repeated', body: part } };
    const at = this.#addState();
    this.#state(at).loop = { entry: this.rule(rule).entry, to, least, most };
    this.#jump(from, at);
  }

  #addChain(parts: readonly GrammarNode[], from: number, to: number): void {
    if (parts.length === 0) return this.#jump(from, to);
    let at = from;
    parts.forEach((part, index) => {
      const next = index === parts.length - 1 ? to : this.#addState();
      this.#add(part, at, next);
      at = next;
    });
  }

  #addBytes(ranges: readonly (readonly [number, number])[], from: number, to: number): void {
    if (ranges.length === 0) return this.#jump(from, to);
    let at = from;
    ranges.forEach(([firstByte, lastByte], index) => {
      const next = index === ranges.length - 1 ? to : this.#addState();
      this.#state(at).arcs.push({ firstByte, lastByte, to: next });
      at = next;
    });
  }

  #jump(from: number, to: number): void {
    this.#state(from).jumps.push(to);
  }

  #addState(): number {
    if (this.states.length >= MAX_STATES) {
      throw new GrammarError(`takes more than ${MAX_STATES} states. Use smaller counts or fewer parts`);
    }
    return this.states.push({ arcs: [], jumps: [], calls: [], loop: null }) - 1;
  }

  #state(index: number): AutomatonState {
    const state = this.states[index];
    if (state === undefined) throw new Error(`No state ${index}`);
    return state;
  }
}
