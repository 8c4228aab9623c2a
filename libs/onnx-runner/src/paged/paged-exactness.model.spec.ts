import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { PagedRow, PagedRunner } from '#engine';
import { buildRandomLlama } from '#testing';
import { fullRows, largestDifference, openPaged, row } from './paged-stage.fixture.js';

const TEXTS = 4;
const VOCABULARY = 256;

/** A text whose tokens are all known beforehand: what it answers may depend on them alone. */
interface Script {
  readonly prompt: readonly number[];
  readonly forced: readonly number[];
}

const tokensOf = ({ prompt, forced }: Script) => Int32Array.from([...prompt, ...forced]);

/** The answers at the end of the prompt and after each forced token, by one sequence alone, a token at a time. */
async function answerAlone(runner: PagedRunner, script: Script): Promise<Float32Array[]> {
  const answers: Float32Array[] = [];
  for (const [position, tokenId] of tokensOf(script).entries()) {
    const [answer] = await fullRows(runner, [row(0, position, [tokenId])], true);
    if (position >= script.prompt.length - 1) answers.push(answer!);
  }
  return answers;
}

/** A script on its way, in pieces as they come: prompts in chunks, forced tokens alone or as drafts of several. */
class Traveller {
  readonly answers: Float32Array[] = [];
  readonly #script: Script;
  readonly #tokens: Int32Array;
  #position = 0;

  constructor(script: Script) {
    this.#script = script;
    this.#tokens = tokensOf(script);
  }

  get done(): boolean {
    return this.#position === this.#tokens.length;
  }

  next(sequence: number, size: number): PagedRow {
    const start = this.#position;
    const end = Math.min(start + size, this.#tokens.length);
    this.#position = end;
    const logitPositions = Math.max(0, end - Math.max(start, this.#script.prompt.length - 1));
    return row(sequence, start, this.#tokens.subarray(start, end), { logitPositions });
  }
}

/** All scripts side by side; a sequence rests where its coin says 0. */
async function answerTogether(
  runner: PagedRunner,
  scripts: readonly Script[],
  coin: () => number,
): Promise<Float32Array[][]> {
  const travellers = scripts.map((script) => new Traveller(script));
  while (travellers.some(({ done }) => !done)) {
    const moves = travellers.flatMap((traveller, sequence) => {
      const size = coin();
      return traveller.done || size === 0 ? [] : [{ traveller, row: traveller.next(sequence, size) }];
    });
    if (moves.length === 0) continue;
    const answers = await fullRows(
      runner,
      moves.map((move) => move.row),
      true,
    );
    for (const move of moves) {
      move.traveller.answers.push(...answers.splice(0, move.row.logitPositions));
    }
  }
  return travellers.map(({ answers }) => answers);
}

describe('an exact step', () => {
  let runner: PagedRunner | undefined;
  let directory: string;
  beforeAll(async () => {
    directory = await buildRandomLlama({ hiddenSize: 128, bitsPerWeight: 6.5, kvCache: 'f16', seed: 7 });
  });
  afterAll(() => runner?.close());

  const open = async (skip: TestContext['skip']) => {
    runner ??= await openPaged(directory, skip, { stepTokens: 160 });
    return runner;
  };

  it('answers bit for bit what a text alone answers, however it is cut and whatever is beside it', async ({
    skip,
  }) => {
    const paged = await open(skip);
    const tokenId = fc.nat(VOCABULARY - 1);
    const script = fc.record({
      prompt: fc.array(tokenId, { minLength: 1, maxLength: 70 }),
      forced: fc.array(tokenId, { maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(script, { minLength: 1, maxLength: TEXTS }),
        fc.infiniteStream(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 30, max: 40 }))),
        async (scripts, coins) => {
          const expected: Float32Array[][] = [];
          for (const one of scripts) expected.push(await answerAlone(paged, one));
          expect(await answerTogether(paged, scripts, () => coins.next().value!)).toEqual(expected);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('is needed for that: other steps take other kernels by what runs beside', async ({ skip }) => {
    const paged = await open(skip);
    const prompt = Int32Array.from({ length: 40 }, (_, index) => (index * 13) % VOCABULARY);
    const decode = row(0, 40, [5]);
    await paged.run({ rows: [row(0, 0, prompt)], exact: false });
    const [alone] = await fullRows(paged, [decode]);
    const [beside] = await fullRows(paged, [decode, row(1, 0, prompt)]);
    const difference = largestDifference(alone!, beside!);
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(0.1);
  });
});
