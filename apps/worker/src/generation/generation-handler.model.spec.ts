import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobInput } from '#contracts';
import type { ModelRunner, ModelStep } from '#engine';
import { createOnnxModelRunner } from '#onnx-runner';
import { AttemptAborted, type StartOutcome, type TextSoFar } from '#queue';
import { buildDroverTinyVariant, testChoices, watchModelRunner } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { createHandler, LEASE, runningJob } from './generation-handler.fixture.js';

const CONTEXT_TOKENS = 256;
const longCount: JobInput = {
  messages: [{ role: 'user', content: 'Count from 1 to 60.' }],
  temperature: 0,
  max_tokens: 200,
  ignore_eos: true,
};

describe('generation handler', () => {
  let runner: ModelRunner;
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    const directory = await buildDroverTinyVariant(8);
    tokenizer = await loadTokenizer(directory);
    runner = await createOnnxModelRunner({
      modelPath: join(directory, 'model.onnx'),
      device: 'cpu',
      slots: 2,
      contextTokens: CONTEXT_TOKENS,
      threads: 1,
    });
  });
  afterAll(() => runner.close());

  /** `beforeRun` sees every step before the model does. */
  function attempt(start: StartOutcome, beforeRun: (step: ModelStep) => void = () => undefined) {
    const watched = { runner: watchModelRunner(runner, beforeRun), tokenizer };
    const { lifecycle, engine, workerMetrics, handler } = createHandler(watched, () => start);
    const taken = new AbortController();
    const firstTokens = async () => {
      const { values } = await workerMetrics.timeToFirstTokenSeconds.get();
      return values.find(({ metricName }) => metricName?.endsWith('_count') === true)?.value;
    };
    return { lifecycle, engine, taken, firstTokens, run: () => handler.handle(LEASE, taken.signal) };
  }

  const started = (
    input: JobInput,
    { timeoutMs, generated = [] }: { timeoutMs?: number; generated?: readonly TextSoFar[] } = {},
  ): StartOutcome => ({
    kind: 'started',
    job: runningJob(input, { timeoutMs: timeoutMs ?? null }),
    generated,
    suspect: false,
  });

  it('answers, streams what it answers, and says so once', async () => {
    const { lifecycle, run } = attempt(
      started({ messages: [{ role: 'user', content: 'What is 27 + 58?' }], temperature: 0 }),
    );
    await run();
    expect(lifecycle.finished).toHaveLength(1);
    expect(lifecycle.finished[0]).toMatchObject({
      status: 'succeeded',
      choices: testChoices('27 + 58 = 85'),
      usage: { promptTokens: 20, completionTokens: 11, cachedTokens: 0 },
    });
    expect(lifecycle.streamedText).toBe('27 + 58 = 85');
  });

  it.each([{ kind: 'skip', reason: 'cancelled' } as const, { kind: 'lost' } as const])(
    'does nothing where the start says %o',
    async (outcome) => {
      const { lifecycle, run } = attempt(outcome, () => {
        throw new Error('the model must not run');
      });
      await run();
      expect([lifecycle.appends, lifecycle.finished]).toEqual([[], []]);
    },
  );

  it('cancelled: stops, and keeps text, stream and usage alike', async () => {
    const { lifecycle, taken, run, engine } = attempt(started(longCount));
    lifecycle.onAppend = (count) => {
      if (count === 10) taken.abort(new AttemptAborted('cancelled'));
      return 'written';
    };
    await run();
    expect(lifecycle.finished[0]).toMatchObject({
      status: 'cancelled',
      choices: [{ finishReason: 'cancelled' }],
    });
    expect(lifecycle.finished[0]?.choices[0]?.text).toBe(lifecycle.streamedText);
    expect(lifecycle.finished[0]?.usage.completionTokens).toBeLessThan(200);
    expect(engine.slotsUsed).toBe(0);
  });

  it('out of time: expires with what it has', async () => {
    const { lifecycle, run } = attempt(started(longCount, { timeoutMs: 30 }));
    await run();
    expect(lifecycle.finished[0]).toMatchObject({
      status: 'expired',
      choices: [{ finishReason: 'deadline' }],
    });
    expect(lifecycle.finished[0]?.choices[0]?.text).toBe(lifecycle.streamedText);
  });

  it.each([
    { kind: 'lost', temperature: 0 },
    { kind: 'shutdown', temperature: 1 },
  ] as const)(
    '$kind: another attempt goes on from what clients saw, and ends as if undisturbed',
    async ({ kind, temperature }) => {
      // A stop string that is about to match holds text back; it must not be let out when the job is handed over.
      const input: JobInput = { ...longCount, temperature, seed: 11, stop: ['28, 29'] };
      const undisturbed = attempt(started(input));
      await undisturbed.run();
      for (const cutAfter of [1, 4, 17]) {
        const first = attempt(started(input));
        first.lifecycle.onAppend = (count) => {
          if (count === cutAfter) first.taken.abort(new AttemptAborted(kind));
          return 'written';
        };
        await first.run();
        const generated = first.lifecycle.shown;
        const second = attempt(started(input, { generated }));
        await second.run();
        expect(first.lifecycle.streamedText + second.lifecycle.streamedText).toBe(
          undisturbed.lifecycle.streamedText,
        );
        const [whole] = undisturbed.lifecycle.finished;
        expect(second.lifecycle.finished).toMatchObject([{ choices: whole?.choices, usage: whole?.usage }]);
        expect(second.lifecycle.finished[0]?.timings.resumedTokens).toBe(generated[0]?.tokenIds.length);
        expect([await first.firstTokens(), await second.firstTokens()]).toEqual([1, 0]);
      }
    },
  );

  it.each(['lost', 'shutdown'] as const)('%s: stops and writes no end', async (kind) => {
    const { lifecycle, taken, run, engine } = attempt(started(longCount));
    lifecycle.onAppend = (count) => {
      if (count === 3) taken.abort(new AttemptAborted(kind));
      return 'written';
    };
    await run();
    expect(lifecycle.finished).toEqual([]);
    expect(engine.slotsUsed).toBe(0);
  });

  it('shut down while Redis takes nothing: hands over even a text that is complete', async () => {
    let steps = 0;
    const { lifecycle, taken, run, engine } = attempt(started(longCount), () => {
      steps += 1;
    });
    lifecycle.appendTokens = () => new Promise(() => undefined);
    const running = run();
    await expect.poll(() => steps > 0 && engine.slotsUsed === 0).toBe(true);
    // All of the text is there; none of it is in the stream.
    taken.abort(new AttemptAborted('shutdown'));
    await running;
    expect(lifecycle.finished).toEqual([]);
  });

  it('refused by Redis in the middle: streams no more and leaves its end to the fence', async () => {
    const { lifecycle, run } = attempt(started(longCount));
    lifecycle.onAppend = (count) => (count < 3 ? 'written' : 'lost');
    await run();
    expect(lifecycle.appends).toHaveLength(3);
    expect(lifecycle.finished).toHaveLength(1);
  });

  it('fails the job when the model fails, with the text clients have seen', async () => {
    let steps = 0;
    const { lifecycle, run } = attempt(started(longCount), () => {
      steps += 1;
      if (steps === 8) throw new Error('device lost');
    });
    await run();
    const [end] = lifecycle.finished;
    expect(end).toMatchObject({
      status: 'failed',
      choices: [{ finishReason: 'error' }],
      failure: { code: 'engine_error', reason: 'step_failed' },
    });
    expect(end?.failure?.message).toContain('device lost');
    expect(end?.choices[0]?.text).not.toBe('');
    expect(end?.choices[0]?.text).toBe(lifecycle.streamedText);
  });

  it('holds every text to its form, however hot and short, and refuses what could not be whole', async () => {
    const response_format: JobInput['response_format'] = {
      type: 'json_schema',
      json_schema: {
        name: 'person',
        schema: {
          type: 'object',
          properties: { name: { type: 'string' }, age: { type: 'integer' } },
          required: ['name', 'age'],
          additionalProperties: false,
        },
      },
    };
    const input: JobInput = {
      messages: [{ role: 'user', content: 'Who is Max?' }],
      response_format,
      temperature: 1.5,
      n: 4,
    };
    const { lifecycle, run } = attempt(started({ ...input, seed: 1, max_tokens: 30 }));
    await run();
    const [end] = lifecycle.finished;
    expect(end).toMatchObject({ status: 'succeeded', failure: null });
    for (const { text } of end?.choices ?? []) {
      expect(JSON.parse(text)).toEqual({ name: expect.any(String), age: expect.any(Number) });
    }
    const tooShort = attempt(started({ ...input, max_tokens: 3 }));
    await tooShort.run();
    expect(tooShort.lifecycle.finished).toMatchObject([
      {
        status: 'failed',
        failure: { code: 'invalid_input', message: expect.stringContaining('`maxTokens`: is 3') },
      },
    ]);
  });

  it('fails a prompt that does not fit, with the numbers', async () => {
    const { lifecycle, run } = attempt(started({ prompt: 'a '.repeat(400), max_tokens: 10 }));
    await run();
    expect(lifecycle.finished[0]).toMatchObject({
      status: 'failed',
      choices: [],
      failure: { code: 'context_length_exceeded', message: expect.stringContaining('256') },
    });
  });

  it('samples the same text again when a job without a seed runs again', async () => {
    const sampled: JobInput = { ...longCount, temperature: 1, max_tokens: 40 };
    const texts: (string | undefined)[] = [];
    for (const { lifecycle, run } of [attempt(started(sampled)), attempt(started(sampled))]) {
      await run();
      texts.push(lifecycle.finished[0]?.choices[0]?.text);
    }
    expect(texts[0]).toBe(texts[1]);
  });
});
