import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { evaluateLogits } from '#onnx-runner';
import { buildDroverTinyVariant, buildRandomLlama, readGoldenChats, type GoldenChat } from '#testing';
import { NOTHING_COMPARED, addComparisons, compareLogits, toDivergence } from './quality/compare-logits.js';

const VOCAB = 1024;
const tokensOf = ({ promptIds, greedyIds }: GoldenChat) => Int32Array.from([...promptIds, ...greedyIds]);

async function logitsOf(variantDir: string, rows: readonly Int32Array[]): Promise<Float32Array[]> {
  const model = await evaluateLogits({ modelPath: join(variantDir, 'model.onnx'), threads: 1 });
  try {
    const logits: Float32Array[] = [];
    for (const row of rows) logits.push(await model.run(row));
    return logits;
  } finally {
    await model.close();
  }
}

async function goldenQuality(bits: 32 | 8 | 6.5 | 5) {
  const chats = await readGoldenChats();
  const logits = await logitsOf(await buildDroverTinyVariant(bits), chats.map(tokensOf));
  const compared = chats.map((chat, i) => compareLogits(chat.logits, logits[i]!, VOCAB));
  return toDivergence(compared.reduce(addComparisons, NOTHING_COMPARED));
}

describe('export of the default model', () => {
  it('equals PyTorch’s logits to 1e-3 in float32, at every position of every golden chat', async () => {
    const chats = await readGoldenChats();
    const logits = await logitsOf(await buildDroverTinyVariant(32), chats.map(tokensOf));
    expect(chats).toHaveLength(6);
    for (const [i, chat] of chats.entries()) {
      expect(logits[i]).toHaveLength(chat.logits.length);
      let largest = 0;
      for (const [j, logit] of chat.logits.entries()) {
        largest = Math.max(largest, Math.abs(logit - logits[i]![j]!));
      }
      expect(largest).toBeLessThan(1e-3);
    }
  });

  it('comes closer to PyTorch’s predictions with every bit', async () => {
    const [q8, q65, q5] = [await goldenQuality(8), await goldenQuality(6.5), await goldenQuality(5)];
    expect(q8.tokens).toBe(517);
    expect(q8.klNatsPerToken).toBeLessThan(1.5e-3);
    expect(q65.klNatsPerToken).toBeLessThan(5e-3);
    expect(q5.klNatsPerToken).toBeLessThan(1.5e-2);
    expect(q8.klNatsPerToken).toBeLessThanOrEqual(q65.klNatsPerToken);
    expect(q65.klNatsPerToken).toBeLessThanOrEqual(q5.klNatsPerToken);
    expect(q5.top1Agreement).toBeGreaterThan(0.93);
  });
});

describe('export of tied embeddings', () => {
  it('predicts nearly the same from one quantized table as from float32 tables', async () => {
    const shape = { tieWordEmbeddings: true, hiddenSize: 128, intermediateSize: 256 };
    const row = [Int32Array.from({ length: 40 }, (_, i) => (i * 37) % 256)];
    const [exact] = await logitsOf(await buildRandomLlama(shape), row);
    const [quantized] = await logitsOf(await buildRandomLlama({ ...shape, bitsPerWeight: 8 }), row);
    const { klNatsPerToken } = toDivergence(compareLogits(exact!, quantized!, 256));
    expect(klNatsPerToken).toBeGreaterThan(0);
    expect(klNatsPerToken).toBeLessThan(0.02);
  });
});
