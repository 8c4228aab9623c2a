import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import { createEngineOver, layouts, request, VOCAB, type Layout } from './testing/engine-fixture.js';

const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

/** A request, when it comes, and what befalls it. */
const anyArrival = fc.record({
  overrides: anyRequest,
  /** Common beginnings, so that prefixes are shared. */
  beginning: fc.constantFrom(0, 0, 9, 14),
  deterministic: fc.boolean(),
  /** The next turn of the conversation before it, once that has its answer. */
  isNextTurn: fc.boolean(),
  cacheSalt: fc.constantFrom('', 'other tenant'),
  delay: fc.nat(5),
  /** Steps after which it is aborted; most are not. */
  abortAfter: fc.oneof({ weight: 4, arbitrary: fc.constant(Infinity) }, { weight: 1, arbitrary: fc.nat(20) }),
  /** Tokens that an earlier run has shown. */
  resumed: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(12) }),
});
type Arrival = typeof anyArrival extends fc.Arbitrary<infer T> ? T : never;

const CONTEXT = 150;

/** Everything an operator can set that must not show in a result. */
const anySetup = fc.record({
  slots: fc.integer({ min: 1, max: 6 }),
  blocks: fc.constantFrom(0, 3, 16),
  /** Memory beyond what the longest request needs. */
  spareTokens: fc.nat(20),
  prefillChunkTokens: fc.integer({ min: 2, max: 12 }),
  /** Steps whose run fails. */
  failsAt: fc.array(fc.nat(80), { maxLength: 1 }),
  nowMs: fc.infiniteStream(fc.nat(9)).map((steps) => {
    let now = 0;
    return () => (now += steps.next().value!);
  }),
});

function toRequest(arrival: Arrival, index: number): GenerationRequest {
  const { overrides, beginning, deterministic, cacheSalt } = arrival;
  const shared = Array.from({ length: beginning }, (_, i) => (i * 7) % VOCAB);
  return request(`r${index}`, {
    ...overrides,
    promptTokenIds: Int32Array.of(...shared, ...overrides.promptTokenIds!),
    maxTokens: overrides.maxTokens! + 30,
    deterministic,
    cacheSalt,
  });
}

const mostTokens = ({ promptTokenIds, maxTokens }: GenerationRequest) => promptTokenIds.length + maxTokens;
const runAlone = (layout: Layout, one: GenerationRequest) =>
  createEngineOver(layout, { contextTokens: CONTEXT }).engine.submit(one);

/** The requests, each second turn with the first one's text and answer before its own, and what each gets alone. */
async function runEachAlone(layout: Layout, arrivals: readonly Arrival[]) {
  const runs: { one: GenerationRequest; alone: GenerationResult; before: number | null }[] = [];
  for (const [index, arrival] of arrivals.entries()) {
    const own = toRequest(arrival, index);
    const last = runs.at(-1);
    const isNextTurn = arrival.isNextTurn && last?.before === null;
    const one = isNextTurn
      ? {
          ...own,
          cacheSalt: last.one.cacheSalt,
          promptTokenIds: Int32Array.of(
            ...last.one.promptTokenIds,
            ...last.alone.tokenIds,
            ...arrival.overrides.promptTokenIds!,
          ),
        }
      : own;
    runs.push({ one, alone: await runAlone(layout, one), before: isNextTurn ? index - 1 : null });
  }
  return runs;
}

describe.each(layouts)('a deterministic request over %s', (layout) => {
  it('has the tokens it has alone, whatever arrives, shares, leaves, fails, is preempted or resumed around it', async () => {
    const seen = { preemptions: 0, prefixHits: 0, copies: 0, compared: 0, failures: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyArrival, { minLength: 2, maxLength: 8 }),
        anySetup,
        async (arrivals, setup) => {
          const runs = await runEachAlone(layout, arrivals);
          const controllers = arrivals.map(() => new AbortController());
          const rig = createEngineOver(layout, {
            ...setup,
            contextTokens: CONTEXT,
            cacheTokens: setup.spareTokens + Math.max(...runs.map(({ one }) => mostTokens(one))),
            beforeStep: (step) => {
              for (const [index, { abortAfter }] of arrivals.entries()) {
                if (step >= abortAfter) controllers[index]!.abort();
              }
              if (setup.failsAt.includes(step)) throw new Error('device lost');
            },
          });
          const pending: Promise<GenerationResult>[] = [];
          for (const [index, { one, alone, before }] of runs.entries()) {
            if (before !== null) await Promise.allSettled([pending[before]]);
            for (let turn = 0; turn < arrivals[index]!.delay; turn++) await new Promise(setImmediate);
            const known = alone.tokenIds.slice(0, arrivals[index]!.resumed);
            const replay = one.deterministic ? 'decode' : 'prefill';
            const resume = known.length === 0 ? null : ({ tokenIds: known, replay } as const);
            const submitted = rig.engine.submit({ ...one, resume }, controllers[index]!.signal);
            pending.push(submitted);
            submitted.catch(() => (seen.failures += 1));
          }
          const together = (await Promise.allSettled(pending)).map((settled) =>
            settled.status === 'fulfilled' ? settled.value : null,
          );
          const compared = arrivals.flatMap(({ deterministic }, index) =>
            deterministic && together[index] !== null ? [index] : [],
          );
          // One that was aborted has the first of them.
          const expected = compared.map((index) => {
            const { finish, tokenIds } = together[index]!;
            return finish === 'aborted'
              ? { finish, tokenIds: runs[index]!.alone.tokenIds.slice(0, tokenIds.length) }
              : essence(runs[index]!.alone);
          });
          expect(compared.map((index) => together[index]!)).toMatchObject(expected);
          seen.compared += compared.length;
          seen.copies += rig.runner.copies.length;
          seen.preemptions += rig.reports.reduce((sum, { preemptions }) => sum + preemptions, 0);
          seen.prefixHits += rig.reports.reduce((sum, { prefixHitTokens }) => sum + prefixHitTokens, 0);
        },
      ),
      { numRuns: 150 },
    );
    // All of it has happened, or the claim would be empty.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
  });

  it('may differ from one that is not: its neighbours decide how the model rounds', async () => {
    const one = request('one', { maxTokens: 30, deterministic: false });
    const alone = await runAlone(layout, one);
    const { engine } = createEngineOver(layout);
    const other = request('other', { maxTokens: 30, deterministic: false });
    const [beside] = await Promise.all([engine.submit(one), engine.submit(other)]);
    expect(beside.tokenIds).not.toEqual(alone.tokenIds);
  });
});
