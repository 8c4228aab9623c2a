import { basename, dirname, resolve } from 'node:path';
import { randomPrompt } from '../support/random-prompt.js';
import { importPeer } from './import-peer.js';
import type { CaseFigures, CaseLoad, MeasuredSystem, SystemOptions } from './measured-system.js';
import { Stopwatch } from './stopwatch.js';

interface TransformersModule {
  readonly env: { localModelPath: string; allowRemoteModels: boolean };
  readonly AutoModelForCausalLM: {
    from_pretrained(name: string, options: Record<string, unknown>): Promise<Model>;
  };
  readonly Tensor: new (type: 'int64', data: BigInt64Array, shape: number[]) => Tensor;
}

interface Tensor {
  readonly dims: readonly number[];
}

interface Model {
  generate(options: Record<string, unknown>): Promise<unknown>;
  dispose(): Promise<unknown>;
}

/** `generate` over one batch, on the same ONNX file as ours; its streamer tells when each step is over. */
export async function openTransformersJs(options: SystemOptions): Promise<MeasuredSystem> {
  const { onnxDirectory, vocabSize, threads } = options;
  const { env, AutoModelForCausalLM, Tensor } =
    await importPeer<TransformersModule>('@huggingface/transformers');
  env.localModelPath = dirname(resolve(onnxDirectory));
  env.allowRemoteModels = false;
  const model = await AutoModelForCausalLM.from_pretrained(basename(onnxDirectory), {
    device: 'cpu',
    // The name of the file without a suffix for the type; what is in it is quantized as it is.
    dtype: 'fp32',
    subfolder: '',
    local_files_only: true,
    session_options: { intraOpNumThreads: threads },
  });

  async function measure(load: CaseLoad): Promise<CaseFigures> {
    const { sequences, promptTokens, decodeSteps } = load;
    const ids = Array.from({ length: sequences }, (_, index) => [
      ...randomPrompt(index, promptTokens, vocabSize),
    ]).flat();
    const shape = [sequences, promptTokens];
    const stopwatch = new Stopwatch();
    let steps = -1;
    const put = () => {
      steps += 1;
      if (steps === 1) stopwatch.prefilled();
    };
    await model.generate({
      inputs: new Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
      attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
      max_new_tokens: decodeSteps + 1,
      // No token ends the text.
      eos_token_id: null,
      do_sample: false,
      // The first call brings the prompts, each later one a token of every sequence.
      streamer: { put, end: () => undefined },
    });
    const figures = stopwatch.figures(load);
    if (steps !== decodeSteps + 1) throw new Error(`generate ran ${steps} of ${decodeSteps + 1} steps.`);
    return figures;
  }

  return { measure, close: async () => void (await model.dispose()) };
}
