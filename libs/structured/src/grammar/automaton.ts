import { type ByteRange, normaliseRanges, utf8Sequences } from './code-points.js';
import type { CodePointRange, GrammarNode, GrammarRule } from './grammar-node.js';
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
  readonly #encodings = new Map<string, ByteRange[][]>();

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
        return this.#addText(node.text, from, to);
      case 'character':
        return this.#addCharacter(node.ranges, from, to);
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

  #addText(text: string, from: number, to: number): void {
    const bytes = new TextEncoder().encode(text);
    if (bytes.length === 0) return this.#jump(from, to);
    let at = from;
    bytes.forEach((byte, index) => {
      const next = index === bytes.length - 1 ? to : this.#addState();
      this.#state(at).arcs.push({ firstByte: byte, lastByte: byte, to: next });
      at = next;
    });
  }

  /** From the last byte on, so that encodings that end alike share their states. */
  #addCharacter(ranges: readonly CodePointRange[], from: number, to: number): void {
    const known = new Map<string, number>();
    for (const [first, ...rest] of this.#encode(ranges)) {
      if (first === undefined) continue;
      let next = to;
      for (const bytes of rest.toReversed()) next = this.#stateBefore(bytes, next, known);
      this.#state(from).arcs.push({ firstByte: first[0], lastByte: first[1], to: next });
    }
  }

  /** Classes come again and again in a pattern. */
  #encode(ranges: readonly CodePointRange[]): ByteRange[][] {
    const key = ranges.join();
    const known = this.#encodings.get(key) ?? normaliseRanges(ranges).flatMap(utf8Sequences);
    this.#encodings.set(key, known);
    return known;
  }

  #stateBefore([firstByte, lastByte]: ByteRange, to: number, known: Map<string, number>): number {
    const key = `${firstByte}-${lastByte}:${to}`;
    const shared = known.get(key);
    if (shared !== undefined) return shared;
    const state = this.#addState();
    this.#state(state).arcs.push({ firstByte, lastByte, to });
    known.set(key, state);
    return state;
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
