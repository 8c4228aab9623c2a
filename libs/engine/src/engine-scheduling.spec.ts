import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelStep } from './ports/model-runner.port.js';
import type { GenerationResult } from './sequence/generation-request.js';
import { createEngine, request, VOCAB } from './testing/engine-fixture.js';

const tokens = (length: number, first = 1) => Int32Array.from({ length }, (_, i) => (first + i * 7) % VOCAB);
const promptTokens = ({ prefills }: ModelStep) =>
  prefills.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);

const CHUNK = 8;

describe('a long prompt', () => {
  it('delays the next token of a running text by one chunk at most', async () => {
    const { engine, runner } = createEngine({ contextTokens: 512, prefillChunkTokens: CHUNK });
    const running = engine.submit(request('running', { maxTokens: 80 }));
    await new Promise(setImmediate);
    const prompt = engine.submit(request('prompt', { promptTokenIds: tokens(400), maxTokens: 2 }));
    await Promise.all([running, prompt]);
    const mixed = runner.trace.filter(({ prefills }) => prefills.some(({ slot }) => slot === 1));
    expect(mixed).toHaveLength(400 / CHUNK);
    expect(mixed.every((step) => step.decodes.length === 1 && promptTokens(step) === CHUNK)).toBe(true);
  });

  it('runs in smaller chunks beside running texts where prompt tokens are slow', async () => {
    let now = 0;
    const { engine, runner } = createEngine({
      contextTokens: 512,
      prefillChunkTokens: 32,
      nowMs: () => now,
      beforeStep: (_, step) => void (now += step.decodes.length + promptTokens(step)),
    });
    const running = engine.submit(request('running', { maxTokens: 80 }));
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    await Promise.all([
      running,
      engine.submit(request('prompt', { promptTokenIds: tokens(100), maxTokens: 1 })),
    ]);
    const sizes = runner.trace.filter(({ decodes }) => decodes.length > 0).map(promptTokens);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5);
    expect(sizes.filter((size) => size > 0).length).toBeGreaterThan(19);
  });
});

describe('whatever arrives', () => {
  const anyArrival = fc.record({
    promptLength: fc.integer({ min: 1, max: 60 }),
    maxTokens: fc.integer({ min: 1, max: 20 }),
    delay: fc.nat(6),
    sharesPrompt: fc.boolean(),
  });

  it('every running text has a token in every step, beside at most one chunk of prompts, and the first prompt moves on', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyArrival, { minLength: 1, maxLength: 10 }),
        fc.constantFrom(0, 16),
        async (arrivals, blocks) => {
          const { engine, runner, reports } = createEngine({
            contextTokens: 128,
            prefillChunkTokens: CHUNK,
            blocks,
          });
          const results: Promise<GenerationResult>[] = [];
          for (const [index, { promptLength, maxTokens, delay, sharesPrompt }] of arrivals.entries()) {
            for (let turn = 0; turn < delay; turn++) await new Promise(setImmediate);
            const promptTokenIds = tokens(promptLength, sharesPrompt ? 1 : index);
            results.push(engine.submit(request(`r${index}`, { promptTokenIds, maxTokens })));
          }
          await Promise.all(results);
          for (const [index, step] of runner.trace.entries()) {
            expect(promptTokens(step)).toBeLessThanOrEqual(CHUNK + 1);
            const report = reports[index]!;
            const isPromptWaiting = report.decodeRows < slotsTakenIn(index, reports);
            expect(isPromptWaiting && report.prefillTokens === 0).toBe(false);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Sequences that had a place when a step was planned. */
function slotsTakenIn(index: number, reports: readonly { readonly slotsUsed: number }[]): number {
  return index === 0 ? 1 : reports[index - 1]!.slotsUsed;
}

describe('when sequences have left holes between the others', () => {
  it('the last one moves down, and goes on as it would have gone on', async () => {
    const { engine, runner } = createEngine({ slots: 4, contextTokens: 128 });
    const long = (id: string) => request(id, { maxTokens: 60 });
    const alone = await createEngine({ slots: 1, contextTokens: 128 }).engine.submit(long('d'));
    const short = ['b', 'c'].map((id) => request(id, { maxTokens: 2 }));
    const all = [long('a'), ...short, long('d')].map((one) => engine.submit(one));
    const results = await Promise.all(all);
    expect(runner.copies).toEqual(['moveSlot:3,1']);
    expect(runner.trace.at(-1)!.decodes).toMatchObject([{ slot: 1 }]);
    expect(results[3]!.tokenIds).toEqual(alone.tokenIds);
  });
});
