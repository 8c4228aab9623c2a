import { randomPrompt } from '../support/random-prompt.js';
import { importPeer } from './import-peer.js';
import type { CaseFigures, CaseLoad, MeasuredSystem, SystemOptions } from './measured-system.js';
import { Stopwatch } from './stopwatch.js';

interface LlamaCppModule {
  getLlama(options: {
    gpu: false;
    build: 'never';
    skipDownload: true;
    maxThreads: number;
    logLevel: 'error';
  }): Promise<Llama>;
}

interface Llama {
  loadModel(options: { modelPath: string }): Promise<Model>;
  dispose(): Promise<void>;
}

interface Model {
  createContext(options: ContextOptions): Promise<Context>;
}

interface ContextOptions {
  readonly sequences: number;
  readonly contextSize: number;
  readonly threads: number;
  readonly flashAttention?: boolean;
  readonly experimentalKvCacheKeyType?: 'Q8_0';
  readonly experimentalKvCacheValueType?: 'Q8_0';
}

/** llama.cpp takes quantized values with flash attention only. */
const QUANTIZED_CACHE = {
  flashAttention: true,
  experimentalKvCacheKeyType: 'Q8_0',
  experimentalKvCacheValueType: 'Q8_0',
} as const;

interface Context {
  getSequence(): Sequence;
  dispose(): Promise<void>;
}

interface Sequence {
  evaluate(tokens: number[], options: { yieldEogToken: true }): AsyncGenerator<number>;
}

/**
 * One context with as many sequences as run at once, which is how it batches; greedy as by default, and flash attention
 * and batch size as it chooses them. No text is made of the tokens.
 */
export async function openLlamaCpp(options: SystemOptions): Promise<MeasuredSystem> {
  const { threads, vocabSize, ggufPath, kvCache } = options;
  const llamaCpp = await importPeer<LlamaCppModule>('node-llama-cpp');
  const llama = await llamaCpp.getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: threads,
    logLevel: 'error',
  });
  const model = await llama.loadModel({ modelPath: ggufPath });

  async function measure(load: CaseLoad): Promise<CaseFigures> {
    const { sequences, promptTokens, decodeSteps } = load;
    // A context as large as the case needs: a larger one costs it time.
    const contextSize = promptTokens + decodeSteps + 1;
    const context = await model.createContext({
      sequences,
      contextSize,
      threads,
      ...(kvCache === 'int8' && QUANTIZED_CACHE),
    });
    try {
      const running = Array.from({ length: sequences }, (_, index) => {
        const prompt = [...randomPrompt(index, promptTokens, vocabSize)];
        return context.getSequence().evaluate(prompt, { yieldEogToken: true });
      });
      const stopwatch = new Stopwatch();
      await take(1, running);
      stopwatch.prefilled();
      await take(decodeSteps, running);
      const figures = stopwatch.figures(load);
      await Promise.all(running.map((sequence) => sequence.return(undefined)));
      return figures;
    } finally {
      await context.dispose();
    }
  }

  return { measure, close: () => llama.dispose() };
}

/** The next tokens of all sequences; each one's are asked for as soon as the one before is there. */
async function take(tokens: number, running: readonly AsyncGenerator<number>[]): Promise<void> {
  await Promise.all(
    running.map(async (sequence) => {
      for (let taken = 0; taken < tokens; taken++) {
        const { done } = await sequence.next();
        if (done === true) throw new Error(`A sequence ended after ${taken} of ${tokens} tokens.`);
      }
    }),
  );
}
