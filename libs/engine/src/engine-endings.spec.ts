import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Engine } from './engine.js';
import { EngineClosedError, EngineQueueFullError, ModelRunError } from './errors.js';
import type { GenerationRequest } from './sequence/generation-request.js';
import {
  createEngine,
  createEngineOver,
  greedy,
  layouts,
  request,
  runAlone,
  textOf,
  VOCAB,
} from './testing/engine-fixture.js';
import { ScriptedModelRunner } from './testing/scripted-model-runner.js';

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

describe.each(layouts)('an abort over %s', (layout) => {
  it('of any sequences at any step frees their slots and leaves the others as they are alone', async () => {
    const anyAborts = fc.array(fc.record({ victim: fc.nat(5), step: fc.nat(12) }), { maxLength: 6 });
    const requests = Array.from({ length: 6 }, (_, index) =>
      request(`sequence ${index}`, { maxTokens: 6 + index, stopStrings: ['abcabc'] }),
    );
    const alone = await Promise.all(requests.map((one) => runAlone(one, layout)));
    await fc.assert(
      fc.asyncProperty(anyAborts, async (aborts) => {
        const controllers = requests.map(() => new AbortController());
        const { engine, shownText } = createEngineOver(layout, {
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
});

describe('the start of a step', () => {
  it('is told with the ids of who is in it, before the model runs', async () => {
    const order: unknown[] = [];
    const { engine } = createEngine({
      beforeStep: () => void order.push('model'),
      onStepStart: (step) => order.push(step),
    });
    const first = engine.submit(request('first', { maxTokens: 2 }));
    await new Promise(setImmediate);
    await Promise.all([first, engine.submit(request('second', { maxTokens: 1 }))]);
    expect(order).toEqual([
      { decodeIds: [], prefillIds: ['first'] },
      'model',
      { decodeIds: ['first'], prefillIds: ['second'] },
      'model',
      { decodeIds: [], prefillIds: ['second'] },
      'model',
    ]);
  });
});

describe.each(layouts)('a failed step over %s', (layout) => {
  it('rejects the sequences that were in it, with the cause, and the engine goes on', async () => {
    const cause = new ModelRunError('out_of_memory', new Error('no more memory'));
    const { engine } = createEngineOver(layout, {
      slots: 2,
      beforeStep: (index) => {
        if (index === 2) throw cause;
      },
    });
    const ids = ['a', 'b', 'c', 'd'];
    const results = await Promise.allSettled(ids.map((id) => engine.submit(request(id))));
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled', 'fulfilled']);
    const [first] = results;
    const named = { name: 'EngineStepError', fault: 'out_of_memory', cause };
    expect(first).toMatchObject({ reason: named });
    expect((await engine.submit(request('e'))).finish).toBe('length');
  });

  it('leaves alone a sequence that was not in it', async () => {
    const { engine } = createEngineOver(layout, {
      prefillChunkTokens: 4,
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
});

describe('a failed step', () => {
  it('fails only the row whose logits are broken', async () => {
    const runner = new ScriptedModelRunner({ slots: 2, contextTokens: 64, vocabSize: VOCAB });
    const run = runner.run.bind(runner);
    runner.run = async (step) => {
      const logits = await run(step);
      logits.decodes[1]?.fill(NaN);
      return logits;
    };
    const engine = new Engine({ runner, prefillChunkTokens: 4 });
    const [a, b] = await Promise.allSettled(['a', 'b'].map((id) => engine.submit(request(id))));
    expect(a?.status).toBe('fulfilled');
    expect(b).toMatchObject({ reason: { fault: 'broken_logits', cause: { name: 'BrokenLogitsError' } } });
    expect(engine.slotsUsed).toBe(0);
  });

  it('in the observer of steps rejects what runs instead of leaving it hanging', async () => {
    const { engine } = createEngine({
      onStep: () => {
        throw new Error('observer');
      },
    });
    await expect(engine.submit(request('a'))).rejects.toMatchObject({
      fault: 'step_failed',
      cause: { message: 'observer' },
    });
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
    ['resume', { resume: { tokenIds: Array<number>(9).fill(1), replay: 'decode' } }],
    ['resume', { resume: { tokenIds: [VOCAB], replay: 'prefill' } }],
    ['resume', { resume: { tokenIds: [1.5], replay: 'decode' } }],
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
    expect(() => createEngine({ maxQueued: 0.5 })).toThrow(/`maxQueued` is 0.5/u);
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
