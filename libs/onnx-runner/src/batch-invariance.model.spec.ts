import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { DecodeRow, ModelRunner, PrefillChunk } from '#engine';
import { buildDroverTinyVariant, buildRandomLlama } from '#testing';
import { createOnnxModelRunner } from './onnx-model-runner.js';

/** A sequence with all its tokens known beforehand: what it answers may only depend on them. */
interface Script {
  readonly prompt: readonly number[];
  readonly forced: readonly number[];
}

const SLOTS = 5;

const openRunner = async (directory: string, slots: number, contextTokens = 64): Promise<ModelRunner> => {
  const runner = await createOnnxModelRunner({
    modelPath: join(directory, 'model.onnx'),
    device: 'cpu',
    slots,
    contextTokens,
    threads: 1,
  });
  onTestFinished(() => runner.close());
  return runner;
};

/** The prompt's logits and those of each forced token, one sequence on its own with its prompt in one piece. */
async function answerAlone(runner: ModelRunner, { prompt, forced }: Script): Promise<Float32Array[]> {
  const tokenIds = Int32Array.from(prompt);
  const whole = { slot: 0, tokenIds, startPosition: 0, logitPositions: 1 };
  const answers = [
    Float32Array.from((await runner.run({ decodes: [], prefills: [whole], exact: true })).prefills[0]![0]!),
  ];
  for (const [index, tokenId] of forced.entries()) {
    const row = { slot: 0, tokenId, position: prompt.length + index };
    answers.push(
      Float32Array.from((await runner.run({ decodes: [row], prefills: [], exact: true })).decodes[0]!),
    );
  }
  return answers;
}

/** A script on its way through a slot. `coins` decides when it moves and how its prompt is cut. */
class Traveller {
  readonly script: Script;
  readonly answers: Float32Array[] = [];
  #length = 0;

  constructor(script: Script) {
    this.script = script;
  }

  get done(): boolean {
    return this.answers.length === this.script.forced.length + 1;
  }

  next(slot: number, size: number): PrefillChunk | DecodeRow {
    const { prompt, forced } = this.script;
    const position = this.#length;
    const left = prompt.length - position;
    if (left <= 0) {
      this.#length += 1;
      return { slot, tokenId: forced[position - prompt.length]!, position };
    }
    const tokens = Math.min(left, size);
    this.#length += tokens;
    const tokenIds = Int32Array.from(prompt.slice(position, position + tokens));
    return {
      slot,
      tokenIds,
      startPosition: position,
      logitPositions: this.#length === prompt.length ? 1 : 0,
    };
  }
}

/** All scripts through a few slots: each slot takes the next script when it is free, and rests when told to. */
async function answerTogether(
  runner: ModelRunner,
  scripts: readonly Script[],
  coins: () => { readonly rests: boolean; readonly chunkTokens: number },
): Promise<Float32Array[][]> {
  const travellers = scripts.map((script) => new Traveller(script));
  const waiting = [...travellers];
  const slots: (Traveller | undefined)[] = Array.from({ length: SLOTS });
  while (travellers.some(({ done }) => !done)) {
    const moves = slots.flatMap((held, slot) => {
      const traveller = held?.done === false ? held : waiting.shift();
      slots[slot] = traveller;
      const { rests, chunkTokens } = coins();
      return traveller === undefined || rests ? [] : [{ traveller, work: traveller.next(slot, chunkTokens) }];
    });
    const decodes = moves.flatMap(({ traveller, work }) => ('position' in work ? [{ traveller, work }] : []));
    const prefills = moves.flatMap(({ traveller, work }) =>
      'position' in work ? [] : [{ traveller, work }],
    );
    const logits = await runner.run({
      decodes: decodes.map(({ work }) => work),
      prefills: prefills.map(({ work }) => work),
      exact: true,
    });
    decodes.forEach(({ traveller }, row) => traveller.answers.push(Float32Array.from(logits.decodes[row]!)));
    prefills.forEach(({ traveller }, index) => {
      const [answer] = logits.prefills[index]!;
      if (answer) traveller.answers.push(Float32Array.from(answer));
    });
  }
  return travellers.map(({ answers }) => answers);
}

describe.each([
  ['drover-tiny at 5.0 bits', () => buildDroverTinyVariant(5)],
  ['drover-tiny in float32', () => buildDroverTinyVariant(32)],
  // In blocks of 128 a row that runs alone differs most.
  ['a model of 8-bit blocks of 128', () => buildRandomLlama({ hiddenSize: 256, bitsPerWeight: 8, seed: 7 })],
])('with %s', (_, build) => {
  it('what a sequence answers depends on its own tokens only, bit for bit', async () => {
    const directory = await build();
    const alone = await openRunner(directory, 1);
    const together = await openRunner(directory, SLOTS);
    const tokenId = fc.nat(alone.info.vocabSize - 1);
    const script = fc.record({
      prompt: fc.array(tokenId, { minLength: 1, maxLength: 24 }),
      forced: fc.array(tokenId, { maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(script, { minLength: 1, maxLength: 12 }),
        fc.infiniteStream(fc.record({ rests: fc.boolean(), chunkTokens: fc.integer({ min: 1, max: 9 }) })),
        async (scripts, coins) => {
          const expected: Float32Array[][] = [];
          for (const one of scripts) expected.push(await answerAlone(alone, one));
          const answers = await answerTogether(together, scripts, () => coins.next().value!);
          expect(answers).toEqual(expected);
        },
      ),
      { numRuns: 15 },
    );
  });
});

it('a longer neighbour, whose mask is wider, changes no bit', async () => {
  const directory = await buildRandomLlama({
    hiddenSize: 256,
    bitsPerWeight: 8,
    contextTokens: 1024,
    seed: 7,
  });
  const runner = await openRunner(directory, 2, 1024);
  const chunk = (slot: number, tokens: number) => ({
    slot,
    tokenIds: Int32Array.from({ length: tokens }, (_, index) => (index * 13) % 256),
    startPosition: 0,
    logitPositions: 0,
  });
  await runner.run({ decodes: [], prefills: [chunk(0, 90), chunk(1, 700)], exact: true });
  const short = { slot: 0, tokenId: 5, position: 90 };
  const answer = async (...decodes: DecodeRow[]) => {
    const logits = await runner.run({ decodes, prefills: [], exact: true });
    return Float32Array.from(logits.decodes[0]!);
  };
  const beside = await answer(short, { slot: 1, tokenId: 5, position: 700 });
  runner.trimSlot(1);
  expect(await answer(short)).toEqual(beside);
});
