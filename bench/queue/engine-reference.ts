import { join } from 'node:path';
import { loadWorkerSettings } from '#config';
import { compileSamplingParams, Engine } from '#engine';
import { readLlamaConfig, variantDirectory } from '#model-store';
import { createOnnxModelRunner } from '#onnx-runner';
import { loadTokenizer } from '#tokenizer';

/** The worker's model and engine inside this process: what a first token costs without the service. */
export interface EngineReference {
  promptTokens(question: string): number;
  /** Milliseconds from the call of the idle engine, with the prompt already in tokens, to the first visible text. */
  firstTokenMs(question: string): Promise<number>;
  close(): Promise<void>;
}

export const FIRST_TOKEN_JOB_TOKENS = 8;

/** Takes slots, threads and chunk size from the environment, as the worker beside it does. */
export async function openEngineReference(variant: string): Promise<EngineReference> {
  const settings = loadWorkerSettings();
  const directory = variantDirectory(settings.DROVER_DATA_DIR, settings.DROVER_MODEL, variant);
  const tokenizer = await loadTokenizer(directory);
  const { contextTokens } = await readLlamaConfig(directory);
  const runner = await createOnnxModelRunner({
    modelPath: join(directory, 'model.onnx'),
    device: settings.DROVER_DEVICE,
    slots: settings.DROVER_SLOTS,
    contextTokens,
    threads: settings.DROVER_THREADS,
  });
  let firstTextAtMs: number | undefined;
  const engine = new Engine({
    runner,
    prefillChunkTokens: settings.DROVER_PREFILL_CHUNK,
    onStep: ({ deltas }) => {
      if (deltas.some(({ text }) => text !== '')) firstTextAtMs ??= performance.now();
    },
  });
  const encode = (question: string) => tokenizer.encodeChat([{ role: 'user', content: question }]);
  return {
    promptTokens: (question) => encode(question).length,
    async firstTokenMs(question) {
      const request = {
        id: question,
        promptTokenIds: encode(question),
        maxTokens: FIRST_TOKEN_JOB_TOKENS,
        minTokens: 0,
        sampling: compileSamplingParams({ temperature: 0 }, 0),
        deterministic: false,
        cacheSalt: question,
        topLogprobs: null,
        constraint: null,
        stopStrings: [],
        stopTokenIds: [],
        decoder: tokenizer.createTextDecoder(),
        resume: null,
      };
      firstTextAtMs = undefined;
      const startedAtMs = performance.now();
      await engine.submit(request);
      if (firstTextAtMs === undefined) throw new Error(`The model answered "${question}" without text.`);
      return firstTextAtMs - startedAtMs;
    },
    async close() {
      await engine.close();
      await runner.close();
    },
  };
}
