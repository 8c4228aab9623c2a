import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EngineDependencies } from './engine-options.js';
import { Engine } from './engine.js';
import { findViolations } from './engine-invariants.js';
import { EngineClosedError, EngineQueueFullError, EngineStepError } from './errors.js';
import type { SamplingParams } from './sampling/sampling-params.js';
import type { GenerationRequest, GenerationResult, StepReport } from './sequence/generation-request.js';
import { ScriptedModelRunner, type ScriptedModelRunnerOptions } from './testing/scripted-model-runner.js';

const VOCAB = 40;
const END = 0;

/** Text of a token: letters and spaces, one or two at a time. */
const textOf = (id: number) => ['a', 'b', ' ', 'ab', 'c'][id % 5]!;

const greedy: SamplingParams = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map(),
  seed: 0,
};

function request(id: string, overrides: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    id,
    promptTokenIds: Int32Array.from(Array.from(id, (char) => char.charCodeAt(0) % VOCAB)),
    maxTokens: 8,
    minTokens: 0,
    sampling: greedy,
    stopStrings: [],
    stopTokenIds: [],
    decoder: { push: textOf, flush: () => '' },
    ...overrides,
  };
}

interface Setup extends Partial<ScriptedModelRunnerOptions>, Partial<Omit<EngineDependencies, 'runner'>> {}

/** An engine that is checked for violations after each step and must end empty. */
function createEngine(setup: Setup = {}) {
  const runner = new ScriptedModelRunner({ slots: 4, contextTokens: 64, vocabSize: VOCAB, ...setup });
  const reports: StepReport[] = [];
  const engine: Engine = new Engine({
    runner,
    prefillChunkTokens: 4,
    ...setup,
    onStep: (report) => {
      setup.onStep?.(report);
      reports.push(report);
      expect(findViolations(engine.inspect())).toEqual([]);
    },
  });
  onTestFinished(async () => {
    await engine.close();
    expect(engine.slotsUsed).toBe(0);
  });
  const shownText = (id: string) =>
    reports
      .flatMap(({ deltas }) => deltas)
      .filter((delta) => delta.id === id)
      .map(({ text }) => text)
      .join('');
  return { engine, runner, reports, shownText };
}

async function runAlone(alone: GenerationRequest): Promise<GenerationResult> {
  const { engine } = createEngine();
  return engine.submit(alone);
}

const essence = ({ text, tokenIds, finish }: GenerationResult) => ({ text, tokenIds, finish });

describe('one sequence', () => {
  it('is prefilled in chunks, then decoded token by token at ascending positions', async () => {
    const { engine, runner } = createEngine();
    const { tokenIds, promptTokenCount } = await engine.submit(request('a prompt.', { maxTokens: 3 }));
    expect(promptTokenCount).toBe(9);
    expect(runner.trace.flatMap(({ prefills }) => prefills)).toMatchObject([
      { slot: 0, startPosition: 0, needsLogits: false, tokenIds: { length: 4 } },
      { slot: 0, startPosition: 4, needsLogits: true, tokenIds: { length: 5 } },
    ]);
    expect(runner.trace.flatMap(({ decodes }) => decodes)).toEqual([
      { slot: 0, tokenId: tokenIds[0], position: 9 },
      { slot: 0, tokenId: tokenIds[1], position: 10 },
    ]);
  });

  it('ends at its last token, at a stop token that is not in the text, or before a stop string', async () => {
    const full = await runAlone(request('story', { maxTokens: 20 }));
    expect(full).toMatchObject({ finish: 'length', text: full.tokenIds.map(textOf).join('') });

    const stopToken = full.tokenIds[5]!;
    const first = full.tokenIds.indexOf(stopToken);
    const byToken = await runAlone(request('story', { maxTokens: 20, stopTokenIds: [stopToken] }));
    expect(byToken.tokenIds).toEqual(full.tokenIds.slice(0, first + 1));
    expect(byToken).toMatchObject({
      finish: 'stop',
      text: full.tokenIds.slice(0, first).map(textOf).join(''),
    });

    const stop = full.text.slice(7, 9);
    const byString = await runAlone(request('story', { maxTokens: 20, stopStrings: [stop] }));
    expect(byString).toMatchObject({ finish: 'stop', text: full.text.slice(0, full.text.indexOf(stop)) });
  });

  it('does not end before its fewest tokens', async () => {
    const everyToken = Array.from({ length: VOCAB - 1 }, (_, id) => id);
    const early = await runAlone(request('x', { stopTokenIds: everyToken }));
    expect(early).toMatchObject({ finish: 'stop', text: '', tokenIds: [expect.any(Number)] });
    const late = await runAlone(request('x', { stopTokenIds: everyToken, minTokens: 3 }));
    // The one token that ends nothing is all that is left until then.
    expect(late.tokenIds.slice(0, 3)).toEqual([VOCAB - 1, VOCAB - 1, VOCAB - 1]);
  });

  it('reports times by the clock it was given', async () => {
    let now = 0;
    const beforeStep = () => void (now += 10);
    const { engine, reports } = createEngine({ nowMs: () => now, beforeStep });
    const result = await engine.submit(request('a prompt.', { maxTokens: 3 }));
    expect(result).toMatchObject({ timeToFirstTokenMs: 20, prefillMs: 20, decodeMs: 20 });
    expect(reports[0]).toMatchObject({ modelMs: 10, stepMs: 10, prefillTokens: 4, decodeRows: 0 });
    expect(reports.map(({ generatedTokens }) => generatedTokens)).toEqual([0, 1, 1, 1]);
    expect(reports.map(({ cachedTokens }) => cachedTokens)).toEqual([4, 9, 10, 0]);
  });
});

describe('a batch', () => {
  it('starts what is submitted together in one step, and decodes it together', async () => {
    const { engine, runner } = createEngine();
    await Promise.all(['a', 'b', 'c'].map((id) => engine.submit(request(id, { maxTokens: 2 }))));
    expect(runner.trace).toMatchObject([
      { prefills: [{ slot: 0 }, { slot: 1 }, { slot: 2 }], decodes: [] },
      { prefills: [], decodes: [{ slot: 0 }, { slot: 1 }, { slot: 2 }] },
    ]);
  });

  it('lets sequences join at every step and leave at every step', async () => {
    const results: Promise<GenerationResult>[] = [];
    const { engine, reports } = createEngine({
      slots: 8,
      onStep: () => {
        const next = results.length;
        if (next < 8) results.push(engine.submit(request(`join${next}`, { maxTokens: 12 - next })));
      },
    });
    results.push(engine.submit(request('first', { maxTokens: 12 })));
    await results[0];
    const all = await Promise.all(results);
    expect(all.map(({ tokenIds }) => tokenIds.length)).toEqual([12, 11, 10, 9, 8, 7, 6, 5]);
    expect(new Set(reports.map(({ decodeRows }) => decodeRows)).size).toBeGreaterThan(4);
    expect(results).toHaveLength(8);
  });

  it('gives waiting sequences a freed slot in the order they came', async () => {
    const { engine, runner } = createEngine({ slots: 1 });
    const order: string[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map(async (id) => {
        await engine.submit(request(id, { maxTokens: 1 }));
        order.push(id);
      }),
    );
    expect(order).toEqual(['a', 'b', 'c']);
    expect(runner.trace).toHaveLength(3);
  });

  const anyRequest = fc.record({
    prompt: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 20 }),
    maxTokens: fc.integer({ min: 1, max: 16 }),
    minTokens: fc.nat(3),
    sampling: fc.record({
      temperature: fc.constantFrom(0, 0.7, 1.5),
      topK: fc.constantFrom(0, 5),
      topP: fc.constantFrom(1, 0.8),
      repetitionPenalty: fc.constantFrom(1, 1.2),
      seed: fc.nat(),
    }),
    stopStrings: fc.constantFrom([], ['abc'], ['b ', 'ca']),
    /** Steps after the one before it. */
    delay: fc.nat(4),
  });

  it('gives each sequence the tokens it gets alone, whatever joins and leaves beside it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRequest, { minLength: 1, maxLength: 10 }), async (arrivals) => {
        const requests = arrivals.map(({ prompt, maxTokens, minTokens, stopStrings, sampling }, index) => {
          return request(`r${index}`, {
            promptTokenIds: Int32Array.from(prompt),
            maxTokens,
            minTokens: Math.min(minTokens, maxTokens),
            stopStrings,
            stopTokenIds: [END],
            sampling: { ...greedy, ...sampling },
          });
        });
        const alone: GenerationResult[] = [];
        for (const one of requests) alone.push(await runAlone(one));

        const { engine, shownText } = createEngine({ slots: 3 });
        const together = await Promise.all(
          requests.map(async (one, index) => {
            const steps = arrivals.slice(0, index + 1).reduce((sum, { delay }) => sum + delay, 0);
            for (let turn = 0; turn < steps; turn++) await new Promise(setImmediate);
            return engine.submit(one);
          }),
        );
        expect(together.map(essence)).toEqual(alone.map(essence));
        expect(requests.map(({ id }) => shownText(id))).toEqual(together.map(({ text }) => text));
        expect(engine.slotsUsed).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('repeats a seed exactly and tells seeds apart', async () => {
    const seeded = (seed: number) =>
      request('same prompt', { maxTokens: 30, sampling: { ...greedy, temperature: 1, seed } });
    const { engine } = createEngine();
    const [one, again, other] = await Promise.all([1, 1, 2].map((seed) => engine.submit(seeded(seed))));
    expect(again!.tokenIds).toEqual(one!.tokenIds);
    expect(other!.tokenIds).not.toEqual(one!.tokenIds);
  });
});

describe('an abort', () => {
  it('ends a running sequence within one step, with its text so far, and frees its slot', async () => {
    const running = new AbortController();
    const { engine, runner, shownText } = createEngine({
      beforeStep: (index) => {
        if (index === 4) running.abort();
      },
    });
    const partial = await engine.submit(request('long', { maxTokens: 50 }), running.signal);
    expect(partial.finish).toBe('aborted');
    expect(partial.tokenIds).toHaveLength(5);
    expect(partial.text).toBe(partial.tokenIds.map(textOf).join(''));
    expect(shownText('long')).toBe(partial.text);
    expect(engine.slotsUsed).toBe(0);
    expect(runner.trace).toHaveLength(5);
  });

  it('before submission or while waiting takes no step', async () => {
    const { engine, runner } = createEngine({ slots: 1 });
    const before = await engine.submit(request('a'), AbortSignal.abort());
    expect(before).toMatchObject({ finish: 'aborted', text: '' });
    expect(runner.trace).toEqual([]);

    const controller = new AbortController();
    const running = engine.submit(request('b', { maxTokens: 3 }));
    const waiting = engine.submit(request('c'), controller.signal);
    controller.abort();
    expect((await waiting).finish).toBe('aborted');
    expect((await running).finish).toBe('length');
    expect(runner.trace).toHaveLength(3);
  });

  it('of any sequences at any step frees their slots and leaves the others as they are alone', async () => {
    const anyAborts = fc.array(fc.record({ victim: fc.nat(5), step: fc.nat(12) }), { maxLength: 6 });
    const requests = Array.from({ length: 6 }, (_, index) =>
      request(`sequence ${index}`, { maxTokens: 6 + index, stopStrings: ['abcabc'] }),
    );
    const alone = await Promise.all(requests.map(runAlone));
    await fc.assert(
      fc.asyncProperty(anyAborts, async (aborts) => {
        const controllers = requests.map(() => new AbortController());
        const { engine, shownText } = createEngine({
          beforeStep: (index) => {
            for (const { victim, step } of aborts) if (step === index) controllers[victim]!.abort();
          },
        });
        const results = await Promise.all(
          requests.map((one, index) => engine.submit(one, controllers[index]!.signal)),
        );
        results.forEach((result, index) => {
          const whole = alone[index]!;
          const expected = result.finish === 'aborted' ? whole.text.slice(0, result.text.length) : whole.text;
          expect(result.text).toBe(expected);
          expect(shownText(requests[index]!.id)).toBe(result.text);
        });
        expect(engine.slotsUsed).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('lets out the text that was held back for a stop string', async () => {
    const full = await runAlone(request('held', { maxTokens: 6 }));
    // A stop string that the text begins but never completes.
    const stopStrings = [`${full.text.slice(-2)}never`];
    const controller = new AbortController();
    const { engine, shownText } = createEngine({
      beforeStep: (index) => {
        if (index === 5) controller.abort();
      },
    });
    const cut = await engine.submit(request('held', { maxTokens: 20, stopStrings }), controller.signal);
    expect(cut).toMatchObject({ finish: 'aborted', text: full.text });
    expect(shownText('held')).toBe(full.text);
  });
});

describe('a failed step', () => {
  it('rejects the sequences that were in it, with the cause, and the engine goes on', async () => {
    const cause = new Error('out of memory');
    const { engine } = createEngine({
      slots: 2,
      beforeStep: (index) => {
        if (index === 2) throw cause;
      },
    });
    const ids = ['a', 'b', 'c', 'd'];
    const results = await Promise.allSettled(ids.map((id) => engine.submit(request(id))));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
    const [first] = results;
    expect(first).toMatchObject({ reason: { name: 'EngineStepError', cause } });
    expect((await engine.submit(request('e'))).finish).toBe('length');
  });

  it('leaves alone a sequence that was not in it', async () => {
    const { engine } = createEngine({
      prefillChunkTokens: 4,
      stepTokenBudget: 4,
      beforeStep: (index) => {
        if (index === 0) throw new Error('once');
      },
    });
    const [first, second] = await Promise.allSettled([
      engine.submit(request('long prompt')),
      engine.submit(request('other')),
    ]);
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled']);
  });

  it('fails only the row whose logits are broken', async () => {
    const runner = new ScriptedModelRunner({ slots: 2, contextTokens: 64, vocabSize: VOCAB });
    const broken = {
      info: runner.info,
      close: () => runner.close(),
      run: async (...step: Parameters<typeof runner.run>) => {
        const logits = await runner.run(...step);
        logits.decodes[1]?.fill(NaN);
        return logits;
      },
    };
    const engine = new Engine({ runner: broken, prefillChunkTokens: 4 });
    const [a, b] = await Promise.allSettled(['a', 'b'].map((id) => engine.submit(request(id))));
    expect(a?.status).toBe('fulfilled');
    expect(b).toMatchObject({ reason: expect.any(EngineStepError) });
    expect(engine.slotsUsed).toBe(0);
  });

  it('in the observer of steps rejects what runs instead of leaving it hanging', async () => {
    const { engine } = createEngine({
      onStep: () => {
        throw new Error('observer');
      },
    });
    await expect(engine.submit(request('a'))).rejects.toThrow(/observer/u);
  });
});

describe('the door', () => {
  it.each<[string, Partial<GenerationRequest>]>([
    ['promptTokenIds', { promptTokenIds: new Int32Array(0) }],
    ['promptTokenIds', { promptTokenIds: Int32Array.of(VOCAB) }],
    ['promptTokenIds', { promptTokenIds: Int32Array.of(-1) }],
    ['maxTokens', { maxTokens: 0 }],
    ['maxTokens', { maxTokens: 64 }],
    ['minTokens', { minTokens: 9 }],
    ['stopStrings', { stopStrings: ['x', ''] }],
    ['sampling', { sampling: { ...greedy, logitBias: new Map([[VOCAB, 1]]) } }],
  ])('refuses a bad %s by name', async (field, overrides) => {
    const { engine, runner } = createEngine();
    await expect(engine.submit(request('a', overrides))).rejects.toMatchObject({
      name: 'InvalidGenerationRequestError',
      field,
    });
    expect(runner.trace).toEqual([]);
  });

  it('names the bound of the queue when it is full, and takes more once it is not', async () => {
    const { engine } = createEngine({ slots: 1, maxQueued: 1 });
    const taken = ['a', 'b'].map((id) => engine.submit(request(id)));
    await expect(engine.submit(request('c'))).rejects.toThrow(new EngineQueueFullError(1));
    await Promise.all(taken);
    expect((await engine.submit(request('c'))).finish).toBe('length');
  });

  it('refuses settings out of range by name', () => {
    expect(() => createEngine({ prefillChunkTokens: 1 })).toThrow(/`prefillChunkTokens` is 1/u);
    expect(() => createEngine({ stepTokenBudget: 0.5 })).toThrow(/`stepTokenBudget` is 0.5/u);
  });

  it('closes: everything ends as aborted within the step, and nothing more is taken', async () => {
    const { engine, runner } = createEngine({ slots: 1, beforeStep: () => new Promise(setImmediate) });
    const results = ['a', 'b'].map((id) => engine.submit(request(id, { maxTokens: 60 })));
    await new Promise(setImmediate);
    await engine.close();
    expect((await Promise.all(results)).map(({ finish }) => finish)).toEqual(['aborted', 'aborted']);
    expect(runner.trace.length).toBeLessThan(3);
    await expect(engine.submit(request('c'))).rejects.toThrow(EngineClosedError);
    await engine.close();
  });

  it('lets timers and input run between steps', async () => {
    const { engine } = createEngine();
    let turns = 0;
    const count = () => {
      turns += 1;
      if (turns < 1000) setImmediate(count);
    };
    setImmediate(count);
    await engine.submit(request('a', { maxTokens: 30 }));
    expect(turns).toBeGreaterThanOrEqual(30);
    turns = 1000;
  });
});
