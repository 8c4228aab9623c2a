import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOnnxModelRunner } from '#onnx-runner';
import { buildDroverTinyVariant, droverTinyCheckpoint } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { Engine } from './engine.js';
import type { ModelRunner } from './ports/model-runner.port.js';
import type { StepReport } from './sequence/generation-request.js';
import { greedy, request } from './testing/engine-fixture.js';

let tokenizer: Tokenizer;
let runner: ModelRunner;

beforeAll(async () => {
  tokenizer = await loadTokenizer(droverTinyCheckpoint());
  const modelPath = join(await buildDroverTinyVariant(32), 'model.onnx');
  runner = await createOnnxModelRunner({
    modelPath,
    device: 'cpu',
    slots: 2,
    contextTokens: 256,
    threads: 1,
  });
});
afterAll(async () => {
  await runner?.close();
});

/** By its clock every step takes as long, so that drafts always pay. */
async function generate(text: string, temperature: number, speculation: boolean) {
  let ticks = 0;
  const reports: StepReport[] = [];
  const engine = new Engine({
    runner,
    prefillChunkTokens: 64,
    speculation,
    nowMs: () => ticks++,
    onStep: (report) => reports.push(report),
  });
  const result = await engine.submit(
    request('drafted', {
      promptTokenIds: tokenizer.encodePrompt(text),
      maxTokens: 80,
      deterministic: false,
      sampling: { ...greedy, temperature, seed: 11 },
      decoder: tokenizer.createTextDecoder(),
    }),
  );
  await engine.close();
  return { ...result, accepted: reports.reduce((sum, { acceptedTokens }) => sum + acceptedTokens, 0) };
}

describe('drafts on a real model', () => {
  // In float32 rows of a chunk and lone rows differ by less than any two logits of these texts.
  it.each([0, 0.5])(
    'change no token at temperature %d, and come true where a text repeats',
    async (temperature) => {
      const text = 'The red fox ran. The red fox sat. The red fox ran. The red fox sat. The red';
      const drafted = await generate(text, temperature, true);
      const plain = await generate(text, temperature, false);
      expect(drafted.tokenIds).toEqual(plain.tokenIds);
      expect(drafted.text).toBe(plain.text);
      expect(drafted.accepted).toBeGreaterThan(0);
      expect(plain.accepted).toBe(0);
    },
  );
});
