import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SuspectGate } from './suspect-gate.js';

/** Attempts at one gate: who is inside, and a way to end or stop each. */
class Crowd {
  readonly gate = new SuspectGate();
  readonly inside = new Set<number>();
  readonly over = new Map<number, 'ran' | 'left'>();
  readonly #attempts: { suspect: boolean; stop: AbortController; end: () => void }[] = [];

  arrive(suspect: boolean): void {
    const index = this.#attempts.length;
    const stop = new AbortController();
    const ended = Promise.withResolvers<'ran'>();
    this.#attempts.push({ suspect, stop, end: () => ended.resolve('ran') });
    const passed = this.gate.pass(suspect, stop.signal, async () => {
      this.inside.add(index);
      return ended.promise.finally(() => this.inside.delete(index));
    });
    void passed.then((outcome) => this.over.set(index, outcome ?? 'left'));
  }

  stop(index: number): void {
    this.#attempts[index]?.stop.abort();
  }

  end(index: number): void {
    if (this.inside.has(index)) this.#attempts[index]?.end();
  }

  get size(): number {
    return this.#attempts.length;
  }

  get isSuspectBesideAnother(): boolean {
    return this.inside.size > 1 && [...this.inside].some((index) => this.#attempts[index]?.suspect === true);
  }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate before the engine', () => {
  it('lets innocents in together and a suspect in alone, in the order they came', async () => {
    const crowd = new Crowd();
    for (const suspect of [false, false, true, false]) crowd.arrive(suspect);
    await settle();
    expect([...crowd.inside]).toEqual([0, 1]);
    crowd.end(0);
    await settle();
    expect([...crowd.inside]).toEqual([1]);
    crowd.end(1);
    await settle();
    expect([...crowd.inside]).toEqual([2]);
    crowd.end(2);
    await settle();
    expect([...crowd.inside]).toEqual([3]);
  });

  it('lets in whom a suspect kept waiting, when the suspect is stopped in the line', async () => {
    const crowd = new Crowd();
    for (const suspect of [false, true, false]) crowd.arrive(suspect);
    await settle();
    crowd.stop(1);
    await settle();
    expect([...crowd.inside]).toEqual([0, 2]);
    expect(crowd.over.get(1)).toBe('left');
  });

  it('lets in the next when work throws', async () => {
    const gate = new SuspectGate();
    const { signal } = new AbortController();
    const failing = gate.pass(true, signal, () => Promise.reject(new Error('device lost')));
    await expect(failing).rejects.toThrow('device lost');
    expect(await gate.pass(true, signal, () => Promise.resolve('in'))).toBe('in');
  });

  const moves = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('arrive' as const), suspect: fc.boolean() }),
      fc.record({ kind: fc.constantFrom('stop' as const, 'end' as const), who: fc.nat(30) }),
    ),
    { maxLength: 60 },
  );

  it('never has a suspect beside another, and never stands still', async () => {
    await fc.assert(
      fc.asyncProperty(moves, async (sequence) => {
        const crowd = new Crowd();
        for (const move of sequence) {
          if (move.kind === 'arrive') crowd.arrive(move.suspect);
          else crowd[move.kind](move.who);
          await settle();
          expect(crowd.isSuspectBesideAnother).toBe(false);
          expect(crowd.inside.size > 0 || crowd.over.size === crowd.size).toBe(true);
        }
        while (crowd.inside.size > 0) {
          for (const index of crowd.inside) crowd.end(index);
          await settle();
          expect(crowd.isSuspectBesideAnother).toBe(false);
        }
        expect(crowd.over.size).toBe(crowd.size);
      }),
    );
  });
});
