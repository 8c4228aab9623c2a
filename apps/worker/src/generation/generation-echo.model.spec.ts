import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobInput } from '#contracts';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner } from '#onnx-runner';
import type { FinishedAttempt, TextSoFar } from '#queue';
import { buildDroverTinyVariant, watchModelRunner } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { createHandler, LEASE, runningJob } from './generation-handler.fixture.js';

const prompt = 'Once upon a time a fox named Max went to the river. He counted: 1, 2, 3.';
const echoed: JobInput = { prompt, echo: true, logprobs: true, top_logprobs: 2, temperature: 0 };

describe('a prompt that is told with its log probabilities', () => {
  let runner: ModelRunner;
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    const directory = await buildDroverTinyVariant(8);
    tokenizer = await loadTokenizer(directory);
    const modelPath = join(directory, 'model.onnx');
    const shape = { device: 'cpu', slots: 2, contextTokens: 256, threads: 1 };
    runner = await createOnnxModelRunner({ modelPath, ...shape });
  });
  afterAll(() => runner.close());

  /** The end of an attempt, what its stream shows, and how many logits it had of chunks of prompts. */
  async function run(input: JobInput, generated: readonly TextSoFar[] = []) {
    let chunkLogits = 0;
    const watched = watchModelRunner(runner, ({ prefills }) => {
      for (const { logitPositions } of prefills) chunkLogits += logitPositions;
    });
    const job = runningJob(input, { maxTokens: (input.max_tokens ?? 0) * (input.n ?? 1) });
    const start = { kind: 'started', job, generated, suspect: false } as const;
    const { handler, lifecycle } = createHandler({ runner: watched, tokenizer }, () => start);
    await handler.handle(LEASE, new AbortController().signal);
    const end: FinishedAttempt | undefined = lifecycle.finished[0];
    return { end, choices: end?.choices ?? [], shown: lifecycle.shown, chunkLogits };
  }

  const textOf = (logprobs: readonly { readonly bytes: readonly number[] }[] = []) =>
    Buffer.from(logprobs.flatMap(({ bytes }) => bytes)).toString();

  it('has one for each of its tokens but the first, and nothing else where nothing is generated', async () => {
    const { end, choices } = await run({ ...echoed, max_tokens: 0 });
    const promptTokens = tokenizer.encodePrompt(prompt).length;
    expect(end).toMatchObject({
      status: 'succeeded',
      choices: [{ text: '', finishReason: 'length' }],
      usage: { promptTokens, completionTokens: 0, cachedTokens: 0 },
    });
    const [first, ...others] = choices[0]?.logprobs ?? [];
    expect(first).toMatchObject({ logprob: null, top: [] });
    expect(others).toHaveLength(promptTokens - 1);
    expect(textOf(choices[0]?.logprobs ?? [])).toBe(prompt);
    for (const { logprob, top } of others) {
      expect(top).toHaveLength(2);
      expect(logprob).toBeLessThanOrEqual(top[0]!.logprob);
    }
  });

  it('comes before the tokens of each text, scored once for all of them', async () => {
    const scored = await run({ ...echoed, max_tokens: 0 });
    const promptTokens = scored.end!.usage.promptTokens;
    const several = await run({ ...echoed, temperature: 1, seed: 3, n: 3, max_tokens: 12 });
    expect(several.chunkLogits).toBe(promptTokens + 2);
    for (const { logprobs, text } of several.choices) {
      const [told, own] = [logprobs?.slice(0, promptTokens), logprobs?.slice(promptTokens)];
      expect(told?.map(({ token }) => token)).toEqual(scored.choices[0]?.logprobs?.map(({ token }) => token));
      expect(textOf(told)).toBe(prompt);
      expect(textOf(own)).toBe(text);
    }
    const [whole] = several.choices;
    expect(several.choices.map(({ logprobs }) => logprobs?.[7])).toEqual(Array(3).fill(whole?.logprobs?.[7]));
  });

  it('is scored again by the next attempt, be it that all texts had ended', async () => {
    const input = { ...echoed, temperature: 1, seed: 3, n: 2, max_tokens: 12 };
    const whole = await run(input);
    expect(whole.shown.map(({ finishReason }) => finishReason)).not.toContain(null);
    const again = await run(input, whole.shown);
    expect(again.choices).toEqual(whole.choices);
    expect(again.shown).toEqual([]);
    const [first, second] = whole.shown;
    const cut = { ...second!, finishReason: null };
    expect((await run(input, [first!, cut])).choices).toEqual(whole.choices);
  });
});
