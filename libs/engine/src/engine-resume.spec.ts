import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult, ResumePoint } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import {
  createEngine,
  createEngineOver,
  layouts,
  request,
  textOf,
  type Layout,
} from './testing/engine-fixture.js';

type Replay = ResumePoint['replay'];

/** Keeps the text of every fifth token back until the next one, as half characters are. */
function createHoldingDecoder(): GenerationRequest['decoder'] {
  let held = '';
  return {
    push: (id) => {
      const text = held + textOf(id);
      held = id % 5 === 1 ? text : '';
      return held === '' ? text : '';
    },
    flush: () => held,
  };
}

const fresh = (overrides: Partial<GenerationRequest>, resume: ResumePoint | null = null) =>
  request('resumed', { decoder: createHoldingDecoder(), ...overrides, resume });

const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** One that runs to its end, and the deltas that clients saw on the way. */
async function runWhole(overrides: Partial<GenerationRequest>) {
  const { engine, runner } = createEngine();
  return { result: await engine.submit(fresh(overrides)), trace: runner.trace };
}

describe('a request cut after any step and resumed', () => {
  // Kernels round differently for chunks and rows; without that, both ways come to the same tokens.
  it.each<[Replay, Layout, boolean]>(
    layouts.flatMap((layout) => [
      ['decode', layout, true],
      ['prefill', layout, false],
    ]),
  )(
    'by %s over %s goes on as if nothing had happened, whatever runs beside it',
    async (replay, layout, rounds) => {
      await fc.assert(
        fc.asyncProperty(anyRequest, fc.array(anyRequest, { maxLength: 3 }), async (overrides, others) => {
          const alone = createEngineOver(layout, { rounds });
          const whole = await alone.engine.submit(fresh(overrides));
          const deltas = alone.deltasOf('resumed');
          for (let cut = 0; cut <= deltas.length; cut++) {
            const tokenIds = deltas.slice(0, cut).flatMap((delta) => delta.tokenIds);
            const { engine, reports, deltasOf } = createEngineOver(layout, { slots: 3, rounds });
            const [resumed, ...beside] = await Promise.all([
              engine.submit(fresh(overrides, { tokenIds, replay })),
              ...others.map((other, index) => engine.submit(request(`beside ${index}`, other))),
            ]);
            expect(essence(resumed)).toEqual(essence(whole));
            expect(resumed.resumedTokenCount).toBe(tokenIds.length);
            expect(deltasOf('resumed')).toEqual(deltas.slice(cut));

            const isOver = tokenIds.length === whole.tokenIds.length;
            expect(sum(reports.map((report) => report.replayedTokens))).toBe(isOver ? 0 : tokenIds.length);
            expect(sum(reports.map(({ generatedTokens }) => generatedTokens))).toBe(
              sum([resumed, ...beside].map((result) => result.tokenIds.length)) - tokenIds.length,
            );
          }
        }),
        { numRuns: 40 },
      );
    },
  );
});

describe('the replay', () => {
  const long = { maxTokens: 12, promptTokenIds: Int32Array.from({ length: 7 }, (_, id) => id + 1) };

  it('by decode asks the model for the very rows and chunks of the undisturbed run', async () => {
    const whole = await runWhole(long);
    const { engine, runner, reports } = createEngine();
    await engine.submit(fresh(long, { tokenIds: whole.result.tokenIds.slice(0, 5), replay: 'decode' }));
    expect(runner.trace.map(({ decodes }) => decodes)).toEqual(whole.trace.map(({ decodes }) => decodes));
    expect(runner.trace.map(({ prefills }) => prefills)).toMatchObject(
      whole.trace.map(({ prefills }) => prefills.map(({ slot, tokenIds }) => ({ slot, tokenIds }))),
    );
    expect(reports.map(({ replayedRows }) => replayedRows)).toEqual([0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
    expect(reports.map(({ generatedTokens }) => generatedTokens)).toEqual([
      0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1,
    ]);
  });

  it('by prefill takes prompt and known tokens in common chunks', async () => {
    const { result } = await runWhole(long);
    const tokenIds = result.tokenIds.slice(0, 6);
    const { engine, runner, reports } = createEngine();
    await engine.submit(fresh(long, { tokenIds, replay: 'prefill' }));
    const chunks = runner.trace.flatMap(({ prefills }) => prefills);
    expect(chunks.map(({ tokenIds: chunk }) => chunk.length)).toEqual([4, 4, 5]);
    expect(chunks.flatMap(({ tokenIds: chunk }) => [...chunk])).toEqual([
      ...long.promptTokenIds,
      ...tokenIds,
    ]);
    expect(chunks.map(({ logitPositions }) => logitPositions)).toEqual([0, 0, 1]);
    expect(reports.slice(0, 3)).toMatchObject([
      { prefillTokens: 4, replayedTokens: 0, replayedRows: 0, generatedTokens: 0 },
      { prefillTokens: 4, replayedTokens: 1, replayedRows: 0, generatedTokens: 0 },
      { prefillTokens: 5, replayedTokens: 5, replayedRows: 0, generatedTokens: 1 },
    ]);
  });

  it('does not count as time of new tokens: the first one is the first that was not known', async () => {
    const { result } = await runWhole(long);
    let now = 0;
    const { engine } = createEngine({ nowMs: () => now, beforeStep: () => void (now += 10) });
    const resume = { tokenIds: result.tokenIds.slice(0, 5), replay: 'decode' } as const;
    // 2 chunks, 5 rows of which the last one gives the sixth token, then 6 more.
    expect(await engine.submit(fresh(long, resume))).toMatchObject({
      timeToFirstTokenMs: 70,
      prefillMs: 20,
      decodeMs: 60,
    });
  });
});

describe('a request that its known tokens already end', () => {
  it.each<[string, Partial<GenerationRequest>, string, 'stop' | 'length']>([
    ['by their number', { maxTokens: 3 }, 'cab ', 'length'],
    ['by a stop string', { maxTokens: 8, stopStrings: ['b '] }, 'ca', 'stop'],
    ['by a stop token', { maxTokens: 8, stopTokenIds: [2] }, 'cab', 'stop'],
  ])('%s resolves at once, though all slots and the line are full', async (_, overrides, text, finish) => {
    const { engine, reports } = createEngine({ slots: 1, maxQueued: 0 });
    const running = engine.submit(request('running'));
    const resume = { tokenIds: [4, 3, 2], replay: 'decode' } as const;
    const ended = await engine.submit(fresh(overrides, resume));
    expect(reports).toEqual([]);
    expect(ended).toMatchObject({ text, finish, resumedTokenCount: 3, timeToFirstTokenMs: null });
    await running;
  });

  it('leaves out tokens after its end', async () => {
    const { engine, runner } = createEngine();
    const resume = { tokenIds: [4, 2, 3, 3], replay: 'prefill' } as const;
    const ended = await engine.submit(fresh({ stopTokenIds: [2] }, resume));
    expect(ended).toMatchObject({ text: 'c', tokenIds: [4, 2], finish: 'stop', resumedTokenCount: 2 });
    expect(runner.trace).toEqual([]);
  });
});

describe('an abort of a resumed request', () => {
  const resume = { tokenIds: [4, 3, 2, 0], replay: 'decode' } as const;

  it('before it has a slot keeps the text that was shown', async () => {
    const { engine, shownText } = createEngine({ slots: 1 });
    const running = engine.submit(request('running'));
    const controller = new AbortController();
    const waiting = engine.submit(fresh({ stopStrings: ['axx'] }, resume), controller.signal);
    controller.abort();
    expect(await waiting).toMatchObject({ finish: 'aborted', text: 'cab ', tokenIds: resume.tokenIds });
    expect(shownText('resumed')).toBe('');
    await running;
  });

  it('during its replay shows no replayed token again', async () => {
    const controller = new AbortController();
    const { engine, deltasOf } = createEngine({
      beforeStep: (index) => {
        if (index === 3) controller.abort();
      },
    });
    const aborted = await engine.submit(
      fresh({ promptTokenIds: Int32Array.of(1, 2) }, resume),
      controller.signal,
    );
    expect(aborted).toMatchObject({ finish: 'aborted', text: 'cab a', tokenIds: resume.tokenIds });
    expect(deltasOf('resumed')).toEqual([]);
  });
});
