import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import {
  createEngine,
  createEngineOver,
  layouts,
  request,
  VOCAB,
  type CommonSetup,
} from './testing/engine-fixture.js';

const BLOCK = 4;
const store = { blocks: 32, blockTokens: BLOCK };

const tokens = (length: number, first = 1) => Int32Array.from({ length }, (_, i) => (first + i * 7) % VOCAB);
const ask = (id: string, promptTokenIds: Int32Array, rest: Partial<GenerationRequest> = {}) =>
  request(id, { promptTokenIds, maxTokens: 3, ...rest });
const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

describe('a prompt that begins like one before it', () => {
  it('takes the common blocks from the cache and runs the rest', async () => {
    const { engine, runner, reports } = createEngine(store);
    const first = await engine.submit(ask('first', tokens(14)));
    expect(first.cachedTokenCount).toBe(0);
    const longer = Int32Array.of(...tokens(14), 3, 3);
    const second = await engine.submit(ask('second', longer));
    expect(second.cachedTokenCount).toBe(12);
    expect(runner.trace.flatMap(({ prefills }) => prefills).slice(-1)).toMatchObject([
      { startPosition: 12, tokenIds: { length: 4 } },
    ]);
    const sum = (name: 'prefixQueryTokens' | 'prefixHitTokens') =>
      reports.reduce((total, report) => total + report[name], 0);
    expect([sum('prefixQueryTokens'), sum('prefixHitTokens')]).toEqual([14 + 16, 12]);
  });

  it('always runs two tokens at least, whose last one gives the logits', async () => {
    const { engine, runner } = createEngine(store);
    for (const [length, cached] of [
      [12, 0],
      [12, 8],
      [13, 8],
      [14, 12],
    ] as const) {
      expect(await engine.submit(ask('twin', tokens(length)))).toMatchObject({ cachedTokenCount: cached });
      expect(runner.trace.at(-3)?.prefills.at(-1)?.tokenIds.length).toBeGreaterThanOrEqual(2);
    }
  });

  it('shares nothing across salts', async () => {
    const { engine } = createEngine(store);
    await engine.submit(ask('a', tokens(20), { cacheSalt: 'a' }));
    const other = await engine.submit(ask('b', tokens(20), { cacheSalt: 'b' }));
    const own = await engine.submit(ask('a2', tokens(20), { cacheSalt: 'a' }));
    expect([other.cachedTokenCount, own.cachedTokenCount]).toEqual([0, 16]);
  });

  it('is not looked up where the engine is told not to', async () => {
    const { engine, runner, reports } = createEngine({ ...store, prefixCache: false });
    await engine.submit(ask('a', tokens(20)));
    expect(await engine.submit(ask('b', tokens(20)))).toMatchObject({ cachedTokenCount: 0 });
    expect(runner.copies).toEqual([]);
    expect(reports.every(({ prefixQueryTokens }) => prefixQueryTokens === 0)).toBe(true);
  });

  it('in a burst is run once: the others wait for each part of it and then go on on their own', async () => {
    const { engine, runner, reports } = createEngine({ ...store, slots: 4, prefillChunkTokens: 8 });
    const system = tokens(24);
    const results = await Promise.all(
      [1, 2, 3, 4].map((index) =>
        engine.submit(ask(`r${index}`, Int32Array.of(...system, index, index, index))),
      ),
    );
    expect(results.map(({ cachedTokenCount }) => cachedTokenCount)).toEqual([0, 24, 24, 24]);
    expect(reports.reduce((sum, { prefillTokens }) => sum + prefillTokens, 0)).toBe(27 + 3 * 3);
    expect(runner.trace[0]!.prefills).toHaveLength(1);
  });

  it('of another salt does not wait for it', async () => {
    const { engine, runner } = createEngine({ ...store, prefillChunkTokens: 8 });
    await Promise.all(['a', 'b'].map((salt) => engine.submit(ask(salt, tokens(6), { cacheSalt: salt }))));
    expect(runner.trace[0]!.prefills).toHaveLength(2);
  });
});

describe('a text that goes on from an answer', () => {
  const turns = async (deterministic: boolean) => {
    const { engine } = createEngine(store);
    const first = await engine.submit(ask('first', tokens(10), { maxTokens: 11, deterministic: false }));
    const next = Int32Array.of(...tokens(10), ...first.tokenIds, 5, 5, 5);
    return engine.submit(ask('next', next, { deterministic }));
  };

  it('takes the answer from the cache too, as far as it has run', async () => {
    expect(await turns(false)).toMatchObject({ cachedTokenCount: 20 });
  });

  it('where it must repeat takes only what was prefilled', async () => {
    expect(await turns(true)).toMatchObject({ cachedTokenCount: 8 });
  });

  it('improves the cache where it must repeat: what it has prefilled itself serves the next one', async () => {
    const { engine } = createEngine(store);
    const first = await engine.submit(ask('first', tokens(10), { maxTokens: 11, deterministic: false }));
    const next = Int32Array.of(...tokens(10), ...first.tokenIds, 5, 5, 5);
    const counts: number[] = [];
    for (const id of ['second', 'third']) counts.push((await engine.submit(ask(id, next))).cachedTokenCount);
    expect(counts).toEqual([8, 20]);
  });
});

describe('a failed sequence', () => {
  it('leaves nothing in the cache, whether its logits are broken or its step', async () => {
    const { engine, runner } = createEngine({
      ...store,
      beforeStep: (index) => {
        if (index === 2) throw new Error('device lost');
      },
    });
    await expect(engine.submit(ask('a', tokens(20)))).rejects.toThrow(/device lost/u);
    const run = runner.run.bind(runner);
    runner.run = async (step) => {
      const logits = await run(step);
      logits.prefills.flat().forEach((row) => row.fill(NaN));
      return logits;
    };
    await expect(engine.submit(ask('b', tokens(20)))).rejects.toThrow(/highest logit/u);
    runner.run = run;
    expect(await engine.submit(ask('c', tokens(20)))).toMatchObject({ cachedTokenCount: 0 });
    expect(await engine.submit(ask('d', tokens(20)))).toMatchObject({ cachedTokenCount: 16 });
  });
});

describe.each(layouts)('the tokens of a deterministic request over %s', (layout) => {
  it('are the same with and without the cache, whatever it holds and has given up', async () => {
    const beginnings = [tokens(9), tokens(17), tokens(13, 2), Int32Array.of(...tokens(8), ...tokens(8, 3))];
    const anyOne = fc.record({
      overrides: anyRequest,
      beginning: fc.constantFrom(...beginnings),
      deterministic: fc.boolean(),
      cacheSalt: fc.constantFrom('', 'b'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyOne, { minLength: 2, maxLength: 10 }),
        fc.integer({ min: 1, max: 12 }),
        async (all, blocks) => {
          const requests = all.map(({ overrides, beginning, deterministic, cacheSalt }, index) =>
            request(`r${index}`, {
              ...overrides,
              promptTokenIds: Int32Array.of(...beginning, ...overrides.promptTokenIds!),
              deterministic,
              cacheSalt,
            }),
          );
          const run = async (setup: CommonSetup) => {
            const { engine } = createEngineOver(layout, { slots: 3, ...setup });
            return Promise.all(requests.map((one) => engine.submit(one)));
          };
          const without = await run({ prefixCache: false });
          const withCache = await run({ blocks });
          const repeatable = (results: readonly GenerationResult[]) =>
            results.filter((_, index) => all[index]!.deterministic).map(essence);
          expect(repeatable(withCache)).toEqual(repeatable(without));
        },
      ),
      { numRuns: 60 },
    );
  });
});
