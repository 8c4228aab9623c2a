import { createHash } from 'node:crypto';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveMaxTokens, type JobInput } from '#contracts';
import { createOnnxModelRunner } from '#onnx-runner';
import { buildDroverTinyVariant, droverTinyCheckpoint, readGoldenChats } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { findViolations } from './engine-invariants.js';
import { Engine } from './engine.js';
import { EngineStepError } from './errors.js';
import type { ModelRunner } from './ports/model-runner.port.js';
import { compileSamplingParams } from './sampling/compile-sampling-params.js';
import type { GenerationRequest, GenerationResult, StepReport } from './sequence/generation-request.js';

const CONTEXT = 512;
/** Small, so that chats of the tests are prefilled in several chunks. */
const CHUNK = 16;
const DEFAULT_SEED = 7;

let tokenizer: Tokenizer;
let golden: ModelRunner;
let quantized: ModelRunner;
/** The same variant with a block store, and with memory for little more than one whole context. */
let tight: ModelRunner;

beforeAll(async () => {
  tokenizer = await loadTokenizer(droverTinyCheckpoint());
  const open = async (
    bitsPerWeight: 32 | 6.5,
    slots: number,
    memory: { readonly kvCacheBytes?: number; readonly prefixCacheBytes?: number } = {},
  ) => {
    const modelPath = join(await buildDroverTinyVariant(bitsPerWeight), 'model.onnx');
    const shape = { device: 'cpu', slots, contextTokens: CONTEXT, threads: 1 };
    return createOnnxModelRunner({ modelPath, ...shape, ...memory });
  };
  golden = await open(32, 3);
  quantized = await open(6.5, 4);
  const bytesPerToken = quantized.info.kvCacheBytes / quantized.info.cacheTokens;
  tight = await open(6.5, 4, {
    kvCacheBytes: bytesPerToken * (CONTEXT + 40),
    prefixCacheBytes: bytesPerToken * CONTEXT,
  });
});
afterAll(async () => {
  await golden?.close();
  await quantized?.close();
  await tight?.close();
});

function toRequest(id: string, input: JobInput): GenerationRequest {
  const promptTokenIds =
    input.messages === undefined
      ? tokenizer.encodePrompt(input.prompt ?? '')
      : tokenizer.encodeChat(input.messages);
  return {
    id,
    promptTokenIds,
    maxTokens: resolveMaxTokens(input, promptTokenIds.length, CONTEXT),
    minTokens: input.min_tokens ?? 0,
    sampling: compileSamplingParams(input, DEFAULT_SEED),
    stopStrings: [input.stop ?? []].flat(),
    stopTokenIds: tokenizer.endTokenIds,
    decoder: tokenizer.createTextDecoder(),
    deterministic: true,
    cacheSalt: '',
    topLogprobs: null,
    constraint: null,
    resume: null,
  };
}

const ask = (content: string, rest: Partial<JobInput> = {}): JobInput => ({
  messages: [{ role: 'user', content }],
  ...rest,
});

/** Runs `use` on an engine that is checked after each step and must end empty. */
async function withEngine<T>(
  runner: ModelRunner,
  use: (engine: Engine) => Promise<T>,
  onStep: (report: StepReport) => void = () => undefined,
): Promise<T> {
  const violations: string[] = [];
  const engine: Engine = new Engine({
    runner,
    prefillChunkTokens: CHUNK,
    onStep: (report) => {
      onStep(report);
      violations.push(...findViolations(engine.inspect()));
    },
  });
  try {
    return await use(engine);
  } finally {
    await engine.close();
    expect(engine.slotsUsed).toBe(0);
    expect(violations).toEqual([]);
  }
}

const runAlone = (runner: ModelRunner, input: JobInput) =>
  withEngine(runner, (engine) => engine.submit(toRequest('alone', input)));

/** The runner, and digests of the logits that it gave to `slot`, by the position they follow. */
function observeSlot(runner: ModelRunner, slot: number) {
  const logits = new Map<number, string>();
  const note = (of: number, position: number, row: Float32Array | undefined) => {
    if (of === slot && row !== undefined)
      logits.set(position, createHash('sha256').update(row).digest('hex'));
  };
  const observed: ModelRunner = {
    info: runner.info,
    saveBlock: (...copy) => runner.saveBlock(...copy),
    loadBlock: (...copy) => runner.loadBlock(...copy),
    moveSlot: (...copy) => runner.moveSlot(...copy),
    trimSlot: (...copy) => runner.trimSlot(...copy),
    close: () => runner.close(),
    async run(step) {
      const answer = await runner.run(step);
      step.decodes.forEach((row, i) => note(row.slot, row.position, answer.decodes[i]));
      step.prefills.forEach((chunk, i) => {
        note(chunk.slot, chunk.startPosition + chunk.tokenIds.length - 1, answer.prefills[i]?.at(-1));
      });
      return answer;
    },
  };
  return { runner: observed, logits };
}

const essence = ({ text, tokenIds, finish }: Pick<GenerationResult, 'text' | 'tokenIds' | 'finish'>) => ({
  text,
  tokenIds,
  finish,
});

describe('the engine on the float32 export', () => {
  it('answers the golden chats greedily with their golden tokens, all at once', async () => {
    const chats = await readGoldenChats();
    const results = await withEngine(golden, (engine) =>
      Promise.all(
        chats.map(({ promptIds, greedyIds }, index) =>
          engine.submit({
            ...toRequest(`golden ${index}`, { prompt: 'x', temperature: 0 }),
            promptTokenIds: Int32Array.from(promptIds),
            maxTokens: greedyIds.length,
          }),
        ),
      ),
    );
    expect(results.length).toBeGreaterThan(golden.info.slots);
    expect(results.map(({ tokenIds }) => tokenIds)).toEqual(chats.map(({ greedyIds }) => greedyIds));
    expect(results.map(({ text }) => text)).toEqual(chats.map(({ text }) => text));
  });
});

describe('the engine on the 6.5-bit variant', () => {
  it('answers a question right', async () => {
    const result = await runAlone(quantized, ask('What is the capital of France?', { temperature: 0 }));
    expect(result).toMatchObject({ finish: 'stop', text: expect.stringContaining('Paris') });
    expect(result.tokenIds.at(-1)).toBe(1014);
  });

  const inputs: JobInput[] = [
    ask('What is 12+30?', { temperature: 0 }),
    ask('Tell me a long story about a fox named Max.', { temperature: 0, max_tokens: 60 }),
    ask('Tell me a short story about a dragon.', { temperature: 0.9, seed: 1, max_tokens: 60 }),
    ask('Tell me a short story about a dragon.', { temperature: 0.9, seed: 2, max_tokens: 60 }),
    ask('Count from 1 to 20', { top_p: 0.9, seed: 3, max_tokens: 50 }),
    ask('My name is Priya. Sort these words alphabetically: wolf, apple, river, book', { top_k: 5, seed: 4 }),
    ask('Say hello.', { temperature: 1.2, min_p: 0.05, repetition_penalty: 1.1, seed: 5, max_tokens: 40 }),
    { prompt: 'Once upon a time', temperature: 0.8, frequency_penalty: 0.5, seed: 6, max_tokens: 40 },
  ];

  it('gives each sequence the tokens it gets alone, whatever joins and leaves beside it', async () => {
    const alone: GenerationResult[] = [];
    for (const input of inputs) alone.push(await runAlone(quantized, input));
    const anyDelays = fc.array(fc.nat(6), { minLength: inputs.length, maxLength: inputs.length });
    const anyOrder = fc.shuffledSubarray(
      inputs.map((_, index) => index),
      { minLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(anyOrder, anyDelays, async (order, delays) => {
        const together = await withEngine(quantized, async (engine) => {
          const submitted: Promise<GenerationResult>[] = [];
          for (const [turn, index] of order.entries()) {
            for (let i = 0; i < delays[turn]!; i++) await new Promise(setImmediate);
            submitted.push(engine.submit(toRequest(`r${index}`, inputs[index]!)));
          }
          return Promise.all(submitted);
        });
        expect(together.map(essence)).toEqual(order.map((index) => essence(alone[index]!)));
      }),
      { numRuns: 8 },
    );
  });

  it('gives deterministic ones the same in little memory, beside others that share their beginning', async () => {
    const common =
      'You are a helpful assistant. Answer in one short sentence and do not repeat the question. ';
    const shared = inputs.map((input) =>
      input.messages === undefined
        ? input
        : { ...input, messages: [{ role: 'system', content: common } as const, ...input.messages] },
    );
    const alone: GenerationResult[] = [];
    for (const input of shared) alone.push(await runAlone(quantized, input));
    const long = ask('Tell me a very long story about a fox.', {
      ignore_eos: true,
      max_tokens: 220,
      temperature: 1,
    });
    let [preemptions, hits] = [0, 0];
    const together = await withEngine(
      tight,
      async (engine) => {
        const beside = Array.from({ length: 3 }, (_, index) =>
          engine.submit({
            ...toRequest(`long ${index}`, { ...long, seed: index }),
            stopTokenIds: [],
            deterministic: index === 1,
          }),
        );
        const results = await Promise.all(shared.map((input, i) => engine.submit(toRequest(`r${i}`, input))));
        await Promise.all(beside);
        return results;
      },
      (report) => {
        preemptions += report.preemptions;
        hits += report.prefixHitTokens;
      },
    );
    expect(together.map(essence)).toEqual(alone.map(essence));
    expect(Math.min(preemptions, hits)).toBeGreaterThan(0);
  });

  it('has the same logits, bit for bit, after a prefix from the cache as after running it', async () => {
    const chat = ask('Tell me a short story about a dragon and a knight who became friends in the end.', {
      temperature: 0,
      max_tokens: 20,
    });
    const counts: number[] = [];
    const seen: (readonly [number, string])[][] = [];
    const { runner, logits } = observeSlot(tight, 0);
    await withEngine(runner, async (engine) => {
      for (const id of ['first', 'again']) {
        counts.push((await engine.submit(toRequest(id, chat))).cachedTokenCount);
        seen.push([...logits]);
        logits.clear();
      }
    });
    expect(counts[0]).toBe(0);
    expect(counts[1]).toBeGreaterThanOrEqual(32);
    expect(seen[1]).toEqual(seen[0]);
  });

  describe('resumed where a sampled text was cut', () => {
    const sampled = inputs.map((input, index) => ({ ...input, temperature: 1, seed: 100 + index }));

    /** Runs input `index` in slot 0, some others in the rest; answers its logits by position too. */
    async function runObserved(index: number, others: number, resume: GenerationRequest['resume']) {
      const { runner, logits } = observeSlot(quantized, 0);
      const result = await withEngine(runner, async (engine) => {
        const observed = engine.submit({ ...toRequest('observed', sampled[index]!), resume });
        const beside = sampled.filter((_, other) => other !== index).slice(0, others);
        await Promise.all(beside.map((other, i) => engine.submit(toRequest(`beside ${i}`, other))));
        return observed;
      });
      return { ...essence(result), logits };
    }

    it('goes on with bit-equal logits after a replay by decode, whatever runs beside it', async () => {
      for (const index of sampled.keys()) {
        const whole = await runObserved(index, 0, null);
        const last = whole.tokenIds.length - 1;
        for (const cut of new Set([1, Math.floor(last / 3), last])) {
          const resume = { tokenIds: whole.tokenIds.slice(0, cut), replay: 'decode' } as const;
          const { logits, ...resumed } = await runObserved(index, 3, resume);
          expect(resumed).toEqual(essence(whole));
          for (const [position, row] of logits) expect(row).toBe(whole.logits.get(position));
        }
      }
    });

    it('keeps what was shown after a replay by prefill, whose rounding is another', async () => {
      const whole = await runObserved(2, 0, null);
      const tokenIds = whole.tokenIds.slice(0, 40);
      const resumed = await runObserved(2, 3, { tokenIds, replay: 'prefill' });
      expect(resumed.tokenIds.slice(0, 40)).toEqual(tokenIds);
      expect(resumed.text.startsWith(tokenizer.decode(tokenIds))).toBe(true);
      const [firstPosition, row] = [...resumed.logits][0]!;
      expect(row).not.toBe(whole.logits.get(firstPosition));
    });
  });

  it('cuts the text at a stop string and keeps it out', async () => {
    const whole = await runAlone(quantized, ask('Count from 1 to 20', { temperature: 0 }));
    const cut = await runAlone(quantized, ask('Count from 1 to 20', { temperature: 0, stop: [', 9', '7,'] }));
    expect(whole.text).toContain('6, 7, 8');
    expect(cut).toMatchObject({ finish: 'stop', text: whole.text.slice(0, whole.text.indexOf('7,')) });
  });

  it('keeps the text of an aborted sequence', async () => {
    const controller = new AbortController();
    const story = ask('Tell me a long story about a fox named Max.', { temperature: 0 });
    const whole = await runAlone(quantized, story);
    let shown = '';
    const engine = new Engine({
      runner: quantized,
      prefillChunkTokens: CHUNK,
      onStep: ({ deltas }) => {
        shown += deltas.map(({ text }) => text).join('');
        if (shown.length > 40) controller.abort();
      },
    });
    const partial = await engine.submit(toRequest('story', story), controller.signal);
    await engine.close();
    expect(partial).toMatchObject({ finish: 'aborted', text: shown });
    expect(shown.length).toBeGreaterThan(40);
    expect(whole.text.startsWith(shown)).toBe(true);
    expect(partial.tokenIds.length).toBeLessThan(whole.tokenIds.length);
  });

  it('ends what runs with a named error where the run is terminated, and keeps its places right', async () => {
    const controller = new AbortController();
    const modelPath = join(await buildDroverTinyVariant(6.5), 'model.onnx');
    const shape = { device: 'cpu', slots: 2, contextTokens: CONTEXT, threads: 1 };
    const runner = await createOnnxModelRunner({ modelPath, ...shape, signal: controller.signal });
    const story = ask('Tell me a long story about a fox named Max.', { temperature: 0 });
    const results = await withEngine(
      runner,
      (engine) => Promise.allSettled(['a', 'b', 'c'].map((id) => engine.submit(toRequest(id, story)))),
      ({ generatedTokens }) => {
        if (generatedTokens > 0) controller.abort(new Error('the device is wanted elsewhere'));
      },
    );
    await runner.close();
    expect(results.map((result) => result.status === 'rejected' && result.reason)).toEqual(
      Array.from({ length: 3 }, () => expect.any(EngineStepError)),
    );
    const cause = { message: 'the device is wanted elsewhere' };
    expect(results[0]).toMatchObject({ reason: { fault: 'run_terminated', cause } });
  });
});
