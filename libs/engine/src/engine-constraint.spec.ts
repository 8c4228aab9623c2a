import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidGenerationRequestError } from './errors.js';
import { digitsThenBracket } from './testing/digits-then-bracket.js';
import { createEngine, greedy, request, VOCAB } from './testing/engine-fixture.js';

const DIGITS = [5, 6, 7, 33];
const BRACKET = 38;
const constrained = () => digitsThenBracket(DIGITS, BRACKET);

describe('a constrained sequence', () => {
  it('ends in a complete document within its tokens, whatever is sampled and whoever runs beside', async () => {
    const anySampling = fc.record({
      temperature: fc.constantFrom(0, 0.5, 2),
      topK: fc.constantFrom(0, 3),
      topP: fc.constantFrom(1, 0.5),
      seed: fc.nat(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ sampling: anySampling, maxTokens: fc.integer({ min: 1, max: 12 }) }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (all) => {
          const { engine } = createEngine();
          const free = engine.submit(request('free'));
          await Promise.all(
            all.map(async ({ sampling, maxTokens }, index) => {
              const constraint = constrained();
              const one = { maxTokens, sampling: { ...greedy, ...sampling }, constraint };
              const { tokenIds, finish } = await engine.submit(request(`s${index}`, one));
              expect(finish).toBe('stop');
              expect(tokenIds).toEqual(constraint.accepted);
              expect(tokenIds.at(-1)).toBe(BRACKET);
              expect(constraint.closings).toBe(1);
            }),
          );
          await free;
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ends with its document even before its fewest tokens are there', async () => {
    const sampling = { ...greedy, logitBias: new Map([[BRACKET, 100]]) };
    const { engine } = createEngine();
    const one = request('short', { minTokens: 5, sampling, constraint: constrained() });
    expect(await engine.submit(one)).toMatchObject({ finish: 'stop', tokenIds: [BRACKET] });
  });

  it('goes on from resumed tokens as if it had never been cut', async () => {
    const run = (resumed: readonly number[] | null) => {
      const constraint = constrained();
      const resume = resumed === null ? null : { tokenIds: resumed, replay: 'decode' as const };
      return createEngine().engine.submit(request('cut', { maxTokens: 10, constraint, resume }));
    };
    const whole = await run(null);
    for (let cut = 1; cut <= whole.tokenIds.length; cut++) {
      const { tokenIds, finish } = await run(whole.tokenIds.slice(0, cut));
      expect({ tokenIds, finish }).toEqual({ tokenIds: whole.tokenIds, finish: whole.finish });
    }
  });

  it('keeps its place in the document when it loses its place in the cache', async () => {
    const setup = { slots: 2, contextTokens: 40, cacheTokens: 44 };
    const ids = ['older', 'younger'];
    const maskedDigits = { ...greedy, logitBias: new Map([[BRACKET, -100]]) };
    const make = (id: string) =>
      request(id, { maxTokens: 30, sampling: maskedDigits, constraint: constrained() });
    const { engine, reports } = createEngine(setup);
    const together = await Promise.all(ids.map((id) => engine.submit(make(id))));
    expect(reports.reduce((sum, { preemptions }) => sum + preemptions, 0)).toBeGreaterThan(0);
    const alone = await Promise.all(ids.map((id) => createEngine(setup).engine.submit(make(id))));
    expect(together.map(({ tokenIds }) => tokenIds)).toEqual(alone.map(({ tokenIds }) => tokenIds));
  });

  it('fails alone and by name where nothing may come next', async () => {
    const nothing = { ...constrained(), isComplete: false, allowedTokens: () => new Int32Array(2) };
    const { engine } = createEngine();
    const other = engine.submit(request('other'));
    await expect(engine.submit(request('stuck', { constraint: nothing }))).rejects.toThrow(
      /No token may come next: the constraint/u,
    );
    expect((await other).finish).toBe('length');
  });

  it('is refused where its shortest document is longer than maxTokens, or its resumed tokens break it', async () => {
    const { engine } = createEngine();
    const long = { ...constrained(), minRemainingTokens: () => 9 };
    await expect(engine.submit(request('long', { constraint: long }))).rejects.toThrow(
      '`maxTokens`: is 8, but the shortest text that the constraint allows takes 9.',
    );
    const resume = { tokenIds: [5, 1], replay: 'decode' as const };
    const broken = engine.submit(request('broken', { constraint: constrained(), resume }));
    await expect(broken).rejects.toThrow(/`resume`: token 1 at 1 does not follow the constraint/u);
    await expect(broken).rejects.toBeInstanceOf(InvalidGenerationRequestError);
  });

  it.each([
    ['refused', { maxTokens: 0 }],
    ['aborted before it runs', {}],
    ['failed by its step', {}],
    ['aborted while it runs', { sampling: { ...greedy, logitBias: new Map([[BRACKET, -100]]) } }],
    ['complete', {}],
  ])('gives its constraint back once where it is %s', async (ending, overrides) => {
    const controller = new AbortController();
    const { engine } = createEngine({
      beforeStep: (index) => {
        if (ending === 'failed by its step') throw new Error('no power');
        if (ending === 'aborted while it runs' && index === 2) controller.abort();
      },
    });
    if (ending === 'aborted before it runs') controller.abort();
    const constraint = constrained();
    await engine.submit(request('one', { constraint, ...overrides }), controller.signal).catch(() => null);
    expect(constraint.closings).toBe(1);
  });
});

describe('log probabilities', () => {
  it('come with each token, in deltas and results, and are those of the model whatever the rules', async () => {
    const sampling = { ...greedy, temperature: 1, seed: 3, topK: 2, presencePenalty: 1 };
    const one = { maxTokens: 12, sampling, topLogprobs: 3 };
    const { engine, deltasOf } = createEngine();
    const result = await engine.submit(request('told', one));
    const untold = await createEngine().engine.submit(request('told', { ...one, topLogprobs: null }));
    expect(untold).not.toHaveProperty('logprobs');
    expect(result.tokenIds).toEqual(untold.tokenIds);
    expect(result.logprobs!.map(({ tokenId }) => tokenId)).toEqual(result.tokenIds);
    for (const { logprob, top } of result.logprobs!) {
      expect(top).toHaveLength(3);
      expect(logprob).toBeLessThanOrEqual(top[0]!.logprob);
    }
    const deltas = deltasOf('told');
    expect(deltas.flatMap(({ logprobs }) => logprobs)).toEqual(result.logprobs);
    expect(deltas.every(({ tokenIds, logprobs }) => logprobs!.length === tokenIds.length)).toBe(true);
  });

  it('of resumed tokens come back as they were', async () => {
    const one = { maxTokens: 8, topLogprobs: 1 };
    const whole = await createEngine().engine.submit(request('cut', one));
    const tokenIds = whole.tokenIds.slice(0, 4);
    const resume = { tokenIds, logprobs: whole.logprobs!.slice(0, 4), replay: 'decode' as const };
    const { engine, deltasOf } = createEngine();
    const resumed = await engine.submit(request('cut', { ...one, resume }));
    expect(resumed.logprobs).toEqual(whole.logprobs);
    expect(deltasOf('cut').flatMap(({ logprobs }) => logprobs)).toEqual(whole.logprobs!.slice(4));
    const without = request('cut', { ...one, resume: { tokenIds, replay: 'decode' } });
    await expect(engine.submit(without)).rejects.toThrow(
      'has 0 log probabilities for 4 tokens. Give one each.',
    );
  });

  it('are refused past 20', async () => {
    const { engine } = createEngine();
    expect(VOCAB).toBeGreaterThan(20);
    await expect(engine.submit(request('many', { topLogprobs: 21 }))).rejects.toThrow('integer from 0 to 20');
  });
});
