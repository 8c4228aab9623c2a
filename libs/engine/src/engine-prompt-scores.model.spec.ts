import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createOnnxModelRunner, evaluateLogits } from '#onnx-runner';
import { buildDroverTinyVariant, buildRandomLlama, droverTinyCheckpoint } from '#testing';
import { loadTokenizer } from '#tokenizer';
import { Engine } from './engine.js';
import type { GenerationRequest } from './sequence/generation-request.js';
import { request } from './testing/engine-fixture.js';

const TOP = 4;

interface Model {
  readonly directory: string;
  readonly promptTokenIds: Int32Array;
}

async function droverTiny(bitsPerWeight: 32 | 6.5): Promise<Model> {
  const tokenizer = await loadTokenizer(droverTinyCheckpoint());
  const text = 'The capital of France is Paris. The fox named Max counts: 1, 2, 3, 4, 5, 6, 7, 8, 9.';
  return {
    directory: await buildDroverTinyVariant(bitsPerWeight),
    promptTokenIds: tokenizer.encodePrompt(text),
  };
}

async function randomLlama(bitsPerWeight: 32 | 8): Promise<Model> {
  const promptTokenIds = Int32Array.from({ length: 41 }, (_, index) => (index * 37) % 256);
  return { directory: await buildRandomLlama({ seed: 5, layers: 2, bitsPerWeight }), promptTokenIds };
}

/** Log softmax over the whole vocabulary after each position, in float64. */
async function logSoftmaxOf({ directory, promptTokenIds }: Model): Promise<number[][]> {
  const evaluator = await evaluateLogits({ modelPath: join(directory, 'model.onnx'), threads: 1 });
  try {
    const logits = await evaluator.run(promptTokenIds);
    return Array.from(promptTokenIds, (_, position) => {
      const start = position * evaluator.vocabSize;
      const row = Array.from(logits.subarray(start, start + evaluator.vocabSize));
      const highest = Math.max(...row);
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0);
      return row.map((logit) => logit - highest - Math.log(total));
    });
  } finally {
    await evaluator.close();
  }
}

/** Serves requests beside each other, in chunks of so many tokens. */
async function serve(
  { directory }: Model,
  prefillChunkTokens: number,
  requests: readonly GenerationRequest[],
) {
  const modelPath = join(directory, 'model.onnx');
  const shape = { device: 'cpu', slots: 3, contextTokens: 128, threads: 1 };
  const runner = await createOnnxModelRunner({ modelPath, ...shape, prefixCacheBytes: 2 ** 24 });
  onTestFinished(() => runner.close());
  const engine = new Engine({ runner, prefillChunkTokens });
  onTestFinished(() => engine.close());
  return Promise.all(requests.map((one) => engine.submit(one)));
}

const scored = (id: string, { promptTokenIds }: Model, overrides: Partial<GenerationRequest> = {}) =>
  request(id, { promptTokenIds, topLogprobs: TOP, scoresPrompt: true, maxTokens: 0, ...overrides });

describe('the scores of a prompt by a real model', () => {
  it.each<[string, () => Promise<Model>]>([
    ['drover-tiny', () => droverTiny(32)],
    ['drover-tiny, quantized', () => droverTiny(6.5)],
    ['a random model', () => randomLlama(32)],
    ['a random model, quantized', () => randomLlama(8)],
  ])('are the log softmax over its whole vocabulary: %s', async (_, open) => {
    const model = await open();
    const rows = await logSoftmaxOf(model);
    const [result] = await serve(model, 16, [scored('a', model, { deterministic: false })]);
    const scores = result?.promptLogprobs ?? [];
    expect(scores.map(({ tokenId }) => tokenId)).toEqual([...model.promptTokenIds]);
    expect(scores[0]).toMatchObject({ logprob: null, top: [] });
    for (const [index, { tokenId, logprob, top }] of scores.slice(1).entries()) {
      const row = rows[index]!;
      expect(logprob).toBeCloseTo(row[tokenId]!, 3);
      const best = row.toSorted((a, b) => b - a).slice(0, TOP);
      expect(top.map((one) => one.logprob)).toEqual(best.map((one): number => expect.closeTo(one, 3)));
    }
  });

  it('of a deterministic request are the same bits, however its prompt is cut and whatever runs beside it', async () => {
    const model = await droverTiny(6.5);
    const generated = { maxTokens: 5 };
    const [alone] = await serve(model, 64, [scored('alone', model, generated)]);
    const others = [
      request('first', {
        promptTokenIds: model.promptTokenIds.subarray(0, 21),
        deterministic: false,
        maxTokens: 20,
      }),
      scored('second', model, { promptTokenIds: model.promptTokenIds.subarray(3), maxTokens: 3 }),
    ];
    const [, , beside] = await serve(model, 6, [...others, scored('beside', model, generated)]);
    expect(beside?.promptLogprobs).toEqual(alone?.promptLogprobs);
    expect(beside?.tokenIds).toEqual(alone?.tokenIds);
    // Those that draw on what it has computed are the same as well.
    const plain = request('plain', { promptTokenIds: model.promptTokenIds, maxTokens: 5 });
    const [, reusing] = await serve(model, 16, [scored('filling', model), plain]);
    expect(reusing?.cachedTokenCount).toBeGreaterThan(0);
    expect(reusing?.tokenIds).toEqual(alone?.tokenIds);
  });
});
