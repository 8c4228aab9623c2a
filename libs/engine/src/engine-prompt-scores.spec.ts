import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import type { PromptTokenLogprobs } from './sequence/prompt-scores.js';
import { createEngine, request, runAlone, VOCAB } from './testing/engine-fixture.js';
import { ScriptedModelRunner } from './testing/scripted-model-runner.js';

const TOP = 3;
const scored = (id: string, overrides: Partial<GenerationRequest> = {}) =>
  request(id, { topLogprobs: TOP, scoresPrompt: true, ...overrides });

/** Log softmax of the whole vocabulary after each position of a prompt that runs as one chunk. */
async function logSoftmaxOf(promptTokenIds: Int32Array): Promise<number[][]> {
  const runner = new ScriptedModelRunner({ slots: 1, contextTokens: 64, vocabSize: VOCAB });
  const chunk = {
    slot: 0,
    tokenIds: promptTokenIds,
    startPosition: 0,
    logitPositions: promptTokenIds.length,
  };
  const { prefills } = await runner.run({ decodes: [], prefills: [chunk], exact: true });
  return prefills[0]!.map((logits) => {
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    return Array.from(logits, (logit) => logit - Math.log(total));
  });
}

/** What the scores of a prompt must be, by the definition. */
async function expectedScores(promptTokenIds: Int32Array): Promise<PromptTokenLogprobs[]> {
  const rows = await logSoftmaxOf(promptTokenIds);
  return Array.from(promptTokenIds, (tokenId, index) => {
    const row = rows[index - 1];
    if (row === undefined) return { tokenId, logprob: null, top: [] };
    const close = (id: number): number => expect.closeTo(row[id]!, 6);
    const best = row.map((_, id) => id).toSorted((a, b) => row[b]! - row[a]!);
    const top = best.slice(0, TOP).map((id) => ({ tokenId: id, logprob: close(id) }));
    return { tokenId, logprob: close(tokenId), top };
  });
}

const anyPrompt = fc
  .array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 24 })
  .map((ids) => Int32Array.from(ids));

describe('the scores of a prompt', () => {
  it('are the log softmax before each token, however it is cut, preempted, cached and run beside', async () => {
    const anyScored = fc.record({
      prompt: anyPrompt,
      maxTokens: fc.nat(5),
      temperature: fc.constantFrom(0, 1),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyScored, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 2, max: 9 }),
        fc.constantFrom(30, 45, 256),
        async (wanted, prefillChunkTokens, cacheTokens) => {
          const { engine } = createEngine({ prefillChunkTokens, cacheTokens, blocks: 8 });
          const requests = wanted.flatMap(({ prompt: promptTokenIds, maxTokens, temperature }, index) => {
            const sampling = { ...request('').sampling, temperature, seed: index };
            const common = { promptTokenIds, sampling };
            return [
              scored(`scored ${index}`, { ...common, maxTokens }),
              request(`plain ${index}`, { ...common, maxTokens: maxTokens + 1 }),
            ];
          });
          const results = await Promise.all(requests.map((one) => engine.submit(one)));
          for (const [index, one] of requests.entries()) {
            const { promptLogprobs, tokenIds } = results[index]!;
            const alone = await runAlone({
              ...one,
              scoresPrompt: false,
              maxTokens: Math.max(1, one.maxTokens),
            });
            expect(tokenIds).toEqual(alone.tokenIds.slice(0, one.maxTokens));
            const isScored = one.scoresPrompt === true;
            expect(promptLogprobs).toEqual(isScored ? await expectedScores(one.promptTokenIds) : undefined);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('are all there is where nothing is to be generated', async () => {
    const { engine, runner, reports } = createEngine();
    const result = await engine.submit(scored('a text', { maxTokens: 0 }));
    expect(result).toMatchObject({ finish: 'length', text: '', tokenIds: [], timeToFirstTokenMs: null });
    expect(result.promptLogprobs).toHaveLength('a text'.length);
    expect(runner.trace.every(({ decodes }) => decodes.length === 0)).toBe(true);
    expect(reports.reduce((sum, { generatedTokens }) => sum + generatedTokens, 0)).toBe(0);
  });

  it('of a prompt of one token are none', async () => {
    expect(await runAlone(scored('a', { maxTokens: 0 }))).toMatchObject({
      promptLogprobs: [{ logprob: null, top: [] }],
    });
  });

  it('are told again with a text that an earlier run had ended', async () => {
    const whole = await runAlone(scored('a prompt', { maxTokens: 4 }));
    for (const replay of ['decode', 'prefill'] as const) {
      const { logprobs = [], tokenIds } = whole;
      const resumed = await runAlone(
        scored('a prompt', { maxTokens: 4, resume: { tokenIds, logprobs, replay } }),
      );
      const same: (keyof GenerationResult)[] = ['text', 'tokenIds', 'logprobs', 'promptLogprobs', 'finish'];
      for (const key of same) expect(resumed[key]).toEqual(whole[key]);
    }
  });

  it('take logits of no other prompt, and nothing from the prefix cache, which they fill for others', async () => {
    const { engine, runner } = createEngine({ blocks: 8 });
    const promptTokenIds = Int32Array.from({ length: 16 }, (_, index) => index);
    const one = { promptTokenIds, maxTokens: 1 };
    await engine.submit(request('first', one));
    const positions = runner.trace.flatMap(({ prefills }) => prefills.map((chunk) => chunk.logitPositions));
    expect(positions).toEqual([0, 0, 0, 1]);
    expect((await engine.submit(scored('scored', one))).cachedTokenCount).toBe(0);
    expect((await engine.submit(request('second', one))).cachedTokenCount).toBe(12);
  });

  it('end as broken with the logits of their own text alone', async () => {
    const { engine, runner } = createEngine({ slots: 2 });
    const run = runner.run.bind(runner);
    runner.run = async (step) => {
      const logits = await run(step);
      logits.prefills[1]?.[0]?.fill(NaN);
      return logits;
    };
    const [whole, broken] = await Promise.allSettled([
      engine.submit(scored('ab', { maxTokens: 0 })),
      engine.submit(scored('cd', { maxTokens: 0 })),
    ]);
    expect(whole.status).toBe('fulfilled');
    expect(broken).toMatchObject({ reason: { fault: 'broken_logits' } });
  });

  it('are refused without a number of log probabilities, and no request else generates nothing', async () => {
    await expect(runAlone(scored('a', { topLogprobs: null }))).rejects.toMatchObject({
      field: 'scoresPrompt',
    });
    await expect(runAlone(request('a', { maxTokens: 0 }))).rejects.toMatchObject({ field: 'maxTokens' });
  });
});
