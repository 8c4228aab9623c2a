import { setImmediate as nextTurn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationResult } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import {
  createEngine,
  createEngineOver,
  greedy,
  layouts,
  request,
  runAlone,
  textOf,
  VOCAB,
} from './testing/engine-fixture.js';

const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

describe('one sequence', () => {
  it('is prefilled in chunks, then decoded token by token at ascending positions', async () => {
    const { engine, runner } = createEngine();
    const { tokenIds, promptTokenCount } = await engine.submit(request('a prompt.', { maxTokens: 3 }));
    expect(promptTokenCount).toBe(9);
    expect(runner.trace.flatMap(({ prefills }) => prefills)).toMatchObject([
      { slot: 0, startPosition: 0, logitPositions: 0, tokenIds: { length: 4 } },
      { slot: 0, startPosition: 4, logitPositions: 1, tokenIds: { length: 5 } },
    ]);
    expect(runner.trace.flatMap(({ decodes }) => decodes)).toEqual([
      { slot: 0, tokenId: tokenIds[0], position: 9 },
      { slot: 0, tokenId: tokenIds[1], position: 10 },
    ]);
  });

  it('ends at its last token, at a stop token that is not in the text, or before a stop string', async () => {
    const full = await runAlone(request('story', { maxTokens: 20 }));
    expect(full).toMatchObject({ finish: 'length', text: full.tokenIds.map(textOf).join('') });

    const stopToken = full.tokenIds[5]!;
    const first = full.tokenIds.indexOf(stopToken);
    const byToken = await runAlone(request('story', { maxTokens: 20, stopTokenIds: [stopToken] }));
    expect(byToken.tokenIds).toEqual(full.tokenIds.slice(0, first + 1));
    expect(byToken).toMatchObject({
      finish: 'stop',
      text: full.tokenIds.slice(0, first).map(textOf).join(''),
    });

    const stop = full.text.slice(7, 9);
    const byString = await runAlone(request('story', { maxTokens: 20, stopStrings: [stop] }));
    expect(byString).toMatchObject({ finish: 'stop', text: full.text.slice(0, full.text.indexOf(stop)) });
  });

  it('does not end before its fewest tokens', async () => {
    const everyToken = Array.from({ length: VOCAB - 1 }, (_, id) => id);
    const early = await runAlone(request('x', { stopTokenIds: everyToken }));
    expect(early).toMatchObject({ finish: 'stop', text: '', tokenIds: [expect.any(Number)] });
    const late = await runAlone(request('x', { stopTokenIds: everyToken, minTokens: 3 }));
    // The one token that ends nothing is all that is left until then.
    expect(late.tokenIds.slice(0, 3)).toEqual([VOCAB - 1, VOCAB - 1, VOCAB - 1]);
  });

  it('reports times by the clock it was given', async () => {
    let now = 0;
    const beforeStep = () => void (now += 10);
    const { engine, reports } = createEngine({ nowMs: () => now, beforeStep });
    const result = await engine.submit(request('a prompt.', { maxTokens: 3 }));
    expect(result).toMatchObject({ timeToFirstTokenMs: 20, prefillMs: 20, decodeMs: 20 });
    expect(reports[0]).toMatchObject({ modelMs: 10, stepMs: 10, prefillTokens: 4, decodeRows: 0 });
    expect(reports.map(({ generatedTokens }) => generatedTokens)).toEqual([0, 1, 1, 1]);
    expect(reports.map(({ cachedTokens }) => cachedTokens)).toEqual([4, 9, 10, 0]);
  });
});

describe.each(layouts)('a step over %s', (layout) => {
  it('is told of while the model runs the next one, and the last one at its end', async () => {
    const events: string[] = [];
    let told = 0;
    const { engine } = createEngineOver(layout, {
      beforeStep: (index) => void events.push(`run ${index}`),
      onStep: () => events.push(`tell ${told++}`),
    });
    await engine.submit(request('ab', { maxTokens: 3 }));
    expect(events).toEqual(['run 0', 'run 1', 'tell 0', 'run 2', 'tell 1', 'tell 2']);
  });

  it('that cannot be told of fails its successor once that has run, and the engine goes on', async () => {
    let told = 0;
    const { engine, runner } = createEngineOver(layout, {
      // As long as the engine would wait before its next step, and longer.
      beforeStep: async () => {
        for (let turn = 0; turn < 3; turn++) await nextTurn();
      },
      onStep: () => {
        if (++told === 2) throw new Error('no disk');
      },
    });
    await expect(engine.submit(request('ab', { maxTokens: 5 }))).rejects.toThrow('no disk');
    // The runner refuses two runs at once.
    expect(essence(await engine.submit(request('cd', { maxTokens: 3 })))).toEqual(
      essence(await runAlone(request('cd', { maxTokens: 3 }), layout)),
    );
    expect(runner.trace).toHaveLength(3 + 3);
  });

  it('is told of before the next one fails', async () => {
    const texts: string[] = [];
    const { engine } = createEngineOver(layout, {
      beforeStep: (index) => {
        if (index === 2) throw new Error('device lost');
      },
      onStep: ({ deltas }) => texts.push(...deltas.map(({ text }) => text)),
    });
    const failed = engine.submit(request('ab', { maxTokens: 3 })).catch((error: unknown) => {
      texts.push('failed');
      throw error;
    });
    await expect(failed).rejects.toThrow('device lost');
    expect(texts).toEqual([expect.any(String), expect.any(String), 'failed']);
  });
});

/** A request, and the steps after the one before it. */
const anyArrival = fc.record({ overrides: anyRequest, delay: fc.nat(4) });

describe('a batch', () => {
  it('starts what is submitted together in one step, and decodes it together', async () => {
    const { engine, runner } = createEngine();
    await Promise.all(['a', 'b', 'c'].map((id) => engine.submit(request(id, { maxTokens: 2 }))));
    expect(runner.trace).toMatchObject([
      { prefills: [{ slot: 0 }, { slot: 1 }, { slot: 2 }], decodes: [] },
      { prefills: [], decodes: [{ slot: 0 }, { slot: 1 }, { slot: 2 }] },
    ]);
  });

  it('gives waiting sequences a freed slot in the order they came', async () => {
    const { engine, runner } = createEngine({ slots: 1 });
    const order: string[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map(async (id) => {
        await engine.submit(request(id, { maxTokens: 1 }));
        order.push(id);
      }),
    );
    expect(order).toEqual(['a', 'b', 'c']);
    expect(runner.trace).toHaveLength(3);
  });
});

describe.each(layouts)('a batch over %s', (layout) => {
  it('lets sequences join at every step and leave at every step', async () => {
    const results: Promise<GenerationResult>[] = [];
    const { engine, reports } = createEngineOver(layout, {
      slots: 8,
      onStep: () => {
        const next = results.length;
        if (next < 8) results.push(engine.submit(request(`join${next}`, { maxTokens: 12 - next })));
      },
    });
    results.push(engine.submit(request('first', { maxTokens: 12 })));
    await results[0];
    const all = await Promise.all(results);
    expect(all.map(({ tokenIds }) => tokenIds.length)).toEqual([12, 11, 10, 9, 8, 7, 6, 5]);
    expect(new Set(reports.map(({ decodeRows }) => decodeRows)).size).toBeGreaterThan(4);
    expect(results).toHaveLength(8);
  });

  it('gives each sequence the tokens it gets alone, whatever joins and leaves beside it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyArrival, { minLength: 1, maxLength: 10 }), async (arrivals) => {
        const requests = arrivals.map(({ overrides }, index) => request(`r${index}`, overrides));
        const alone: GenerationResult[] = [];
        for (const one of requests) alone.push(await runAlone(one, layout));

        const { engine, shownText } = createEngineOver(layout, { slots: 3 });
        const together = await Promise.all(
          requests.map(async (one, index) => {
            const steps = arrivals.slice(0, index + 1).reduce((sum, { delay }) => sum + delay, 0);
            for (let turn = 0; turn < steps; turn++) await new Promise(setImmediate);
            return engine.submit(one);
          }),
        );
        expect(together.map(essence)).toEqual(alone.map(essence));
        expect(requests.map(({ id }) => shownText(id))).toEqual(together.map(({ text }) => text));
        expect(engine.slotsUsed).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('repeats a seed exactly and tells seeds apart', async () => {
    const seeded = (seed: number) =>
      request('same prompt', { maxTokens: 30, sampling: { ...greedy, temperature: 1, seed } });
    const { engine } = createEngineOver(layout);
    const [one, again, other] = await Promise.all([1, 1, 2].map((seed) => engine.submit(seeded(seed))));
    expect(again!.tokenIds).toEqual(one!.tokenIds);
    expect(other!.tokenIds).not.toEqual(one!.tokenIds);
  });
});
