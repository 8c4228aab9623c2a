import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import { createPagedRunner, DeviceError } from '#onnx-runner';
import { buildRandomLlama } from '#testing';
import { findViolations } from './engine-invariants.js';
import { Engine } from './engine.js';
import type { PagedRunner } from './ports/paged-runner.port.js';
import type { GenerationRequest, GenerationResult, StepReport } from './sequence/generation-request.js';
import { greedy, request } from './testing/engine-fixture.js';

const CONTEXT = 128;
/** A block and a half: choices of one prompt part inside a block. */
const COMMON_TOKENS = 48;

let modelPath: string;
let reference: PagedRunner | undefined;
let busy: PagedRunner | undefined;

// Random weights say nothing sensible, but choose between tokens that are nearly as good: last bits show.
beforeAll(async () => {
  const directory = await buildRandomLlama({ hiddenSize: 128, bitsPerWeight: 6.5, kvCache: 'f16', seed: 7 });
  modelPath = join(directory, 'model.onnx');
});
afterAll(async () => {
  await reference?.close();
  await busy?.close();
});

/** One with memory for all that one sequence may take, and one where four share little more than that. */
async function open(skip: TestContext['skip']) {
  const shape = { modelPath, device: 'webgpu', contextTokens: CONTEXT, stepTokens: 64 };
  reference ??= await createPagedRunner({ ...shape, sequences: 1 }).catch((error: unknown) => {
    if (!(error instanceof DeviceError) || !error.message.includes('no WebGPU adapter')) throw error;
    return skip(`no WebGPU here: ${error.message}`);
  });
  const { kvCacheBytes, blocks } = reference.info;
  const blockBytes = kvCacheBytes / (blocks + 1);
  busy ??= await createPagedRunner({ ...shape, sequences: 4, kvCacheBytes: blockBytes * 9 });
  return { reference, busy };
}

const anyArrival = fc.record({
  deterministic: fc.boolean(),
  own: fc.array(fc.nat(99), { maxLength: 20 }),
  sharesBeginning: fc.boolean(),
  maxTokens: fc.integer({ min: 1, max: 40 }),
  topK: fc.constantFrom(0, 20),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(),
  delay: fc.nat(20),
});
type Arrival = typeof anyArrival extends fc.Arbitrary<infer T> ? T : never;

/** One of several texts that begin with the same prompt. */
const choiceOf = (seed: number): Arrival => ({
  deterministic: true,
  own: [],
  sharesBeginning: true,
  maxTokens: 20,
  topK: 20,
  temperature: 1,
  seed,
  delay: 0,
});

function toRequest(arrival: Arrival, index: number): GenerationRequest {
  const { deterministic, own, sharesBeginning, maxTokens, topK, temperature, seed } = arrival;
  const common = Array.from({ length: sharesBeginning ? COMMON_TOKENS : 1 }, (_, i) => (i * 31) % 100);
  return request(`r${index}`, {
    promptTokenIds: Int32Array.of(...common, ...own),
    maxTokens,
    deterministic,
    sampling: { ...greedy, topK, temperature, seed },
  });
}

it('deterministic requests on a GPU have the tokens they have alone, whatever shares, parts and outgrows the pool', async ({
  skip,
}) => {
  const runners = await open(skip);
  const seen = { compared: 0, prefixHits: 0, copies: 0 };
  const copyBlocks = runners.busy.copyBlocks.bind(runners.busy);
  runners.busy.copyBlocks = (copies) => {
    seen.copies += copies.length;
    return copyBlocks(copies);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(anyArrival, { minLength: 3, maxLength: 5 }), async (arrivals) => {
      const requests = arrivals.map(toRequest);
      const alone = new Engine({ runner: runners.reference, prefillChunkTokens: 32, prefixCache: false });
      const expected: GenerationResult[] = [];
      for (const one of requests) expected.push(await alone.submit(one));
      const engine: Engine = new Engine({
        runner: runners.busy,
        prefillChunkTokens: 32,
        onStep: ({ prefixHitTokens }: StepReport) => {
          seen.prefixHits += prefixHitTokens;
          expect(findViolations(engine.inspect())).toEqual([]);
        },
      });
      const together = await Promise.all(
        requests.map(async (one, index) => {
          for (let turn = 0; turn < arrivals[index]!.delay; turn++) await new Promise(setImmediate);
          return engine.submit(one);
        }),
      );
      const repeated = requests.flatMap(({ deterministic }, index) => (deterministic ? [index] : []));
      expect(repeated.map((index) => together[index]!.tokenIds)).toEqual(
        repeated.map((index) => expected[index]!.tokenIds),
      );
      seen.compared += repeated.length;
    }),
    { numRuns: 8, examples: [[[1, 2, 3].map(choiceOf)]] },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
});
