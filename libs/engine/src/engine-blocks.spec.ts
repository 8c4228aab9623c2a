import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import { createPagedEngine, greedy, request, VOCAB } from './testing/engine-fixture.js';

const BLOCK = 8;

const tokens = (length: number, first = 1) => Int32Array.from({ length }, (_, i) => (first + i * 7) % VOCAB);
const ask = (id: string, promptTokenIds: Int32Array, rest: Partial<GenerationRequest> = {}) =>
  request(id, { promptTokenIds, maxTokens: 3, ...rest });
const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

function createBlocks(setup: Parameters<typeof createPagedEngine>[0] = {}) {
  const rig = createPagedEngine({ blockTokens: BLOCK, prefillChunkTokens: 32, ...setup });
  return {
    ...rig,
    all: (requests: readonly GenerationRequest[]) =>
      Promise.all(requests.map((one) => rig.engine.submit(one))),
  };
}

const runAlone = (one: GenerationRequest) => createBlocks().engine.submit(one);

describe('choices of one prompt that ends inside a block', () => {
  const choices = [1, 2, 3].map((seed) =>
    ask(`choice ${seed}`, tokens(BLOCK + 6), {
      maxTokens: 12,
      sampling: { ...greedy, temperature: 1, topK: 5, seed },
    }),
  );

  it('hold its whole blocks together, and each after the first a copy of the last', async () => {
    const { runner, all } = createBlocks();
    const results = await all(choices);
    // All but the last two tokens of the prompt.
    expect(results.map(({ cachedTokenCount }) => cachedTokenCount)).toEqual([0, BLOCK + 4, BLOCK + 4]);
    const together = runner.trace.findLast(({ rows }) => rows.length === choices.length)!;
    const tables = together.rows.map(({ blocks }) => blocks);
    const [first, second, third] = tables;
    expect(tables.map(([whole]) => whole)).toEqual(Array.from(tables, () => first![0]));
    expect(runner.copies).toEqual([
      { from: first![1], to: second![1] },
      { from: first![1], to: third![1] },
    ]);
  });

  it('have the tokens that each has alone, and differ', async () => {
    const { all } = createBlocks();
    const together = await all(choices);
    const alone = await Promise.all(choices.map(runAlone));
    expect(together.map(essence)).toEqual(alone.map(essence));
    expect(new Set(together.map(({ text }) => text)).size).toBe(choices.length);
  });

  it('fail together where the copies do, and leave the pool as sound as before', async () => {
    const { engine, runner } = createBlocks();
    const copyBlocks = runner.copyBlocks.bind(runner);
    runner.copyBlocks = () => Promise.reject(new Error('device lost'));
    const settled = await Promise.allSettled(choices.map((one) => engine.submit(one)));
    expect(settled).toEqual(
      choices.map(() =>
        expect.objectContaining({ reason: expect.objectContaining({ name: 'EngineStepError' }) }),
      ),
    );
    runner.copyBlocks = copyBlocks;
    expect(essence(await engine.submit(choices[0]!))).toEqual(essence(await runAlone(choices[0]!)));
  });
});

describe('a block that nobody holds any more', () => {
  it('is gone on with in place where its text ends in it', async () => {
    const { engine, runner } = createBlocks();
    const first = await engine.submit(ask('first', tokens(BLOCK + 6), { maxTokens: 2 }));
    const again = await engine.submit(ask('again', tokens(BLOCK + 6), { maxTokens: 2 }));
    expect(again).toMatchObject({ cachedTokenCount: BLOCK + 4, text: first.text });
    expect(runner.copies).toEqual([]);
  });

  it('is copied where others may go on behind it', async () => {
    const { engine, runner } = createBlocks();
    const long = tokens(3 * BLOCK + 2);
    await engine.submit(ask('long', long));
    const branch = Int32Array.of(...long.subarray(0, BLOCK + 4), 0, 0, 0);
    expect(await engine.submit(ask('branch', branch))).toMatchObject({ cachedTokenCount: BLOCK + 4 });
    expect(runner.copies).toHaveLength(1);
    expect(await engine.submit(ask('long again', long))).toMatchObject({ cachedTokenCount: 3 * BLOCK });
  });

  it('is taken over where there is no room for a copy', async () => {
    // Three blocks: the branch needs all of them.
    const { engine, runner } = createBlocks({ sequences: 1, blocks: 3 });
    await engine.submit(ask('first', tokens(2 * BLOCK + 2)));
    const branch = Int32Array.of(...tokens(BLOCK + 4), ...tokens(BLOCK, 3));
    const one = ask('branch', branch, { maxTokens: 4 });
    expect(essence(await engine.submit(one))).toEqual(essence(await runAlone(one)));
    expect(runner.copies).toEqual([]);
  });
});

describe('memory', () => {
  it('counts a prompt that many share once', async () => {
    // Six tables of five blocks, four of them shared: ten blocks in all.
    const { all, reports, runner } = createBlocks({ sequences: 6, blocks: 12 });
    const results = await all(
      Array.from({ length: 6 }, (_, index) =>
        ask(`r${index}`, Int32Array.of(...tokens(4 * BLOCK), index, 5), { maxTokens: 6 }),
      ),
    );
    expect(results.slice(1).every(({ cachedTokenCount }) => cachedTokenCount === 4 * BLOCK)).toBe(true);
    expect(reports.every(({ preemptions }) => preemptions === 0)).toBe(true);
    expect(Math.max(...runner.trace.map(({ rows }) => rows.length))).toBe(6);
  });

  it('that only cached texts take is given up before a sequence is preempted', async () => {
    const { engine, all, reports } = createBlocks({ sequences: 2, blocks: 8 });
    for (let index = 0; index < 4; index++)
      await engine.submit(ask(`old ${index}`, tokens(2 * BLOCK, index)));
    await all(['a', 'b'].map((id) => ask(id, tokens(BLOCK, id.charCodeAt(0)), { maxTokens: 3 * BLOCK - 1 })));
    expect(reports.every(({ preemptions }) => preemptions === 0)).toBe(true);
  });

  it('that runs out is taken from the youngest, which ends as it does alone', async () => {
    const requests = ['a', 'b', 'c'].map((id) => ask(id, tokens(6, id.charCodeAt(0)), { maxTokens: 50 }));
    const { all, reports } = createBlocks({ sequences: 3, blocks: 12 });
    const together = await all(requests);
    expect(reports.reduce((sum, { preemptions }) => sum + preemptions, 0)).toBeGreaterThan(0);
    expect(together.map(essence)).toEqual((await Promise.all(requests.map(runAlone))).map(essence));
  });
});

describe('a row', () => {
  it('asks for the whole vocabulary only where its rules look at it, and for nothing where the token is known', async () => {
    const { engine, runner } = createBlocks();
    const tokenIds = [3, 4, 5];
    await engine.submit(ask('top', tokens(4), { resume: { tokenIds, replay: 'decode' }, maxTokens: 5 }));
    await engine.submit(ask('full', tokens(4, 2), { sampling: { ...greedy, temperature: 1 }, maxTokens: 2 }));
    expect(runner.trace.flatMap(({ rows }) => rows)).toMatchObject([
      { tokenIds: { length: 4 }, logitPositions: 0 },
      { logitPositions: 0 },
      { logitPositions: 0 },
      { logitPositions: 1, logits: 'top' },
      { logitPositions: 1, logits: 'top' },
      { tokenIds: { length: 4 }, logitPositions: 1, logits: 'full' },
      { logitPositions: 1, logits: 'full' },
    ]);
  });

  it('stands in a step that is exact only where one of its sequences must repeat', async () => {
    const { all, runner } = createBlocks();
    await all([
      ask('free', tokens(4), { deterministic: false, maxTokens: 4 }),
      ask('repeats', tokens(4, 2), { maxTokens: 2 }),
    ]);
    expect(runner.trace.map(({ exact }) => exact)).toEqual([true, true, false, false]);
  });
});

describe('what a step can take', () => {
  it('bounds the prompts beside decodes, and drafts', async () => {
    const { all, runner, reports } = createBlocks({
      vocabSize: 4,
      topLogits: 4,
      rounds: false,
      stepTokens: 6,
      contextTokens: 128,
    });
    const one = (id: string) =>
      ask(
        id,
        tokens(20).map((token) => token % 4),
        {
          maxTokens: 60,
          deterministic: false,
          sampling: { ...greedy, logitBias: new Map([[1, 100]]) },
        },
      );
    await all([one('a'), one('b')]);
    const sizes = runner.trace.map(({ rows }) => rows.reduce((sum, row) => sum + row.tokenIds.length, 0));
    expect(Math.max(...sizes)).toBe(6);
    expect(reports.reduce((sum, { acceptedTokens }) => sum + acceptedTokens, 0)).toBeGreaterThan(0);
  });

  it('is refused where a prompt might never move on', () => {
    expect(() => createBlocks({ sequences: 4, stepTokens: 5 })).toThrow(/`stepTokens` .* is 5 .* 6 or more/u);
  });
});
