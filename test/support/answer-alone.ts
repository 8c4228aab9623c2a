import { join } from 'node:path';
import { compileSamplingParams, Engine } from '#engine';
import { createPagedRunner } from '#onnx-runner';
import { loadTokenizer } from '#tokenizer';

/** What a variant for GPUs answers to each question, greedily: one after the other, without a queue or a neighbour. */
export async function answerAlone(
  directory: string,
  questions: readonly string[],
  maxTokens: number,
): Promise<string[]> {
  const tokenizer = await loadTokenizer(directory);
  const runner = await createPagedRunner({
    modelPath: join(directory, 'model.onnx'),
    device: 'webgpu',
    sequences: 1,
    contextTokens: 256,
    stepTokens: 65,
  });
  const engine = new Engine({ runner, prefillChunkTokens: 64, prefixCache: false, speculation: false });
  const answer = async (content: string) => {
    const result = await engine.submit({
      id: content,
      promptTokenIds: tokenizer.encodeChat([{ role: 'user', content }]),
      maxTokens,
      minTokens: 0,
      sampling: compileSamplingParams({ do_sample: false }, 0),
      deterministic: true,
      cacheSalt: '',
      topLogprobs: null,
      constraint: null,
      decoder: tokenizer.createTextDecoder(),
      stopStrings: [],
      stopTokenIds: [...tokenizer.endTokenIds],
      resume: null,
    });
    return result.text;
  };
  try {
    const texts: string[] = [];
    for (const question of questions) texts.push(await answer(question));
    return texts;
  } finally {
    await engine.close();
    await runner.close();
  }
}
