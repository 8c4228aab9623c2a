import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import {
  createEngine,
  createEngineOver,
  layouts,
  request,
  runAlone,
  VOCAB,
} from './testing/engine-fixture.js';

const tokens = (length: number, first = 1) => Int32Array.from({ length }, (_, i) => (first + i * 7) % VOCAB);
const grow = (id: string, overrides: Partial<GenerationRequest> = {}) =>
  request(id, { promptTokenIds: tokens(6, id.charCodeAt(0)), maxTokens: 24, ...overrides });
const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

/** Memory for one whole sequence and a bit, while each alone wants nearly as much. */
const tight = { slots: 3, contextTokens: 256, cacheTokens: 40 };

/** Three that start together, since they are short, and outgrow the memory. */
function runTight(requests: readonly GenerationRequest[], setup: Parameters<typeof createEngine>[0] = {}) {
  const rig = createEngine({ ...tight, ...setup });
  return { ...rig, results: Promise.all(requests.map((one) => rig.engine.submit(one))) };
}

describe('when texts grow out of memory', () => {
  it('the youngest goes back to the line and comes back later with all it had', async () => {
    // Room enough for all to be let in: what they may grow to is found out on the way.
    const setup = { slots: 3, contextTokens: 512, cacheTokens: 260 };
    const long = (id: string) => grow(id, { maxTokens: 150 });
    const alone = await Promise.all(['a', 'b', 'c'].map((id) => runLong(long(id))));
    const { results, reports, runner, shownText } = runTight(['a', 'b', 'c'].map(long), setup);
    expect((await results).map(essence)).toEqual(alone.map(essence));
    expect(reports.reduce((sum, { preemptions }) => sum + preemptions, 0)).toBeGreaterThan(0);
    expect(reports.reduce((sum, { replayedTokens }) => sum + replayedTokens, 0)).toBeGreaterThan(0);
    expect(runner.copies.some((copy) => copy.startsWith('trimSlot'))).toBe(true);
    expect(['a', 'b', 'c'].map(shownText)).toEqual(alone.map(({ text }) => text));
  });

  it('the oldest runs in every step and ends as if it were alone', async () => {
    const setup = { slots: 3, contextTokens: 512, cacheTokens: 200 };
    const { results, runner } = runTight(
      ['a', 'b', 'c'].map((id) => grow(id, { maxTokens: 150 })),
      setup,
    );
    await results;
    const oldest = runner.trace.slice(0, 2 + 149);
    expect(oldest.every((step) => [...step.decodes, ...step.prefills].some(({ slot }) => slot === 0))).toBe(
      true,
    );
  });

  it('one that is submitted during a run waits for its end where a slot must give memory back first', async () => {
    const short = grow('c', { maxTokens: 2 });
    let submitted: Promise<GenerationResult> | null = null;
    const { engine } = createEngine({
      slots: 2,
      contextTokens: 64,
      cacheTokens: 64,
      beforeStep: (index) => {
        // The first text is over, and its slot holds more than this one will.
        if (index === 26) submitted = engine.submit(short);
      },
    });
    await Promise.all([
      engine.submit(grow('a', { maxTokens: 20 })),
      engine.submit(grow('b', { maxTokens: 30 })),
    ]);
    const [result, alone] = await Promise.all([submitted!, runAlone(short)]);
    expect(essence(result)).toEqual(essence(alone));
  });

  it('nothing is preempted for what a free slot holds', async () => {
    const { engine, reports, runner } = createEngine({ slots: 2, contextTokens: 64, cacheTokens: 64 });
    const first = engine.submit(grow('a', { maxTokens: 20 }));
    const second = engine.submit(grow('b', { maxTokens: 30 }));
    await Promise.all([first, second]);
    await engine.submit(grow('c', { maxTokens: 50 }));
    expect(reports.every(({ preemptions }) => preemptions === 0)).toBe(true);
    expect(runner.copies).toContain('trimSlot:1');
  });
});

async function runLong(one: GenerationRequest): Promise<GenerationResult> {
  const { engine } = createEngine({ slots: 1, contextTokens: 512 });
  return engine.submit(one);
}

describe('a request', () => {
  it('that could not fit even alone is refused by name, with what would fit', async () => {
    const { engine } = createEngine(tight);
    await expect(engine.submit(grow('a', { maxTokens: 35 }))).rejects.toThrow(
      /`maxTokens`: .*41 tokens with the prompt exceed .* 40\./u,
    );
    expect(await engine.submit(grow('a', { maxTokens: 34 }))).toMatchObject({ finish: 'length' });
  });

  it('that was preempted ends within a step of its abort, with the text that was shown', async () => {
    const setup = { slots: 2, contextTokens: 512, cacheTokens: 160 };
    const controller = new AbortController();
    const { engine, reports, shownText } = createEngine({
      ...setup,
      onStep: ({ preemptions }) => {
        if (preemptions > 0) controller.abort();
      },
    });
    const old = engine.submit(grow('old', { maxTokens: 120 }));
    const young = engine.submit(grow('young', { maxTokens: 120 }), controller.signal);
    const aborted = await young;
    expect(aborted.finish).toBe('aborted');
    expect(aborted.text).toBe(shownText('young'));
    expect(aborted.tokenIds.length).toBeGreaterThan(10);
    expect(reports.at(-1)!.slotsUsed).toBe(1);
    expect((await old).finish).toBe('length');
  });
});

describe.each(layouts)('whatever is asked for in little memory over %s', (layout) => {
  const anyOne = fc.record({ overrides: anyRequest, deterministic: fc.boolean() });
  const anySetup = fc.record({
    slots: fc.integer({ min: 2, max: 5 }),
    cacheTokens: fc.integer({ min: 64, max: 80 }),
    blocks: fc.constantFrom(0, 6),
  });

  it('all of it ends, in time, and what is deterministic as it does alone', async () => {
    let preemptions = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyOne, { minLength: 2, maxLength: 8 }), anySetup, async (all, setup) => {
        const requests = all.map(({ overrides, deterministic }, i) =>
          request(`r${i}`, { ...overrides, deterministic, maxTokens: overrides.maxTokens! + 28 }),
        );
        const rig = createEngineOver(layout, setup);
        const together = await Promise.all(requests.map((one) => rig.engine.submit(one)));
        preemptions += rig.reports.reduce((sum, report) => sum + report.preemptions, 0);
        const repeatable = (results: readonly GenerationResult[]) =>
          results.filter((_, index) => all[index]!.deterministic).map(essence);
        const alone: GenerationResult[] = [];
        for (const one of requests) alone.push(await runAlone(one, layout));
        expect(repeatable(together)).toEqual(repeatable(alone));
        expect(requests.map(({ id }) => rig.shownText(id))).toEqual(together.map(({ text }) => text));
      }),
      { numRuns: 80 },
    );
    expect(preemptions).toBeGreaterThan(5);
  });
});
