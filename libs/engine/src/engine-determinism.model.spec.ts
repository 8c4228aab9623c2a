import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOnnxModelRunner } from '#onnx-runner';
import { buildRandomLlama } from '#testing';
import { findViolations } from './engine-invariants.js';
import { Engine } from './engine.js';
import type { ModelRunner } from './ports/model-runner.port.js';
import type { GenerationRequest, GenerationResult } from './sequence/generation-request.js';
import { greedy, request } from './testing/engine-fixture.js';

const CONTEXT = 256;
const SLOTS = 5;
/** Odd, so that texts often end in half a pair of tokens. */
const COMMON_TOKENS = 69;

let reference: ModelRunner;
let busy: ModelRunner;

// Random weights say nothing sensible, but choose between tokens that are nearly as good: last bits show. In 8-bit
// blocks of 128 a row that runs alone takes another kernel than one among others.
beforeAll(async () => {
  const directory = await buildRandomLlama({ hiddenSize: 256, bitsPerWeight: 8, seed: 7 });
  const shape = {
    modelPath: join(directory, 'model.onnx'),
    device: 'cpu',
    contextTokens: CONTEXT,
    threads: 1,
  };
  reference = await createOnnxModelRunner({ ...shape, slots: 1 });
  const bytesPerToken = reference.info.kvCacheBytes / reference.info.cacheTokens;
  const memory = { kvCacheBytes: bytesPerToken * 250, prefixCacheBytes: bytesPerToken * 640 };
  busy = await createOnnxModelRunner({ ...shape, slots: SLOTS, ...memory });
});
afterAll(async () => {
  await reference?.close();
  await busy?.close();
});

const anyArrival = fc.record({
  deterministic: fc.boolean(),
  sharesBeginning: fc.boolean(),
  own: fc.array(fc.nat(99), { minLength: 1, maxLength: 40, size: 'max' }),
  maxTokens: fc.integer({ min: 1, max: 140 }),
  temperature: fc.constantFrom(0, 1),
  seed: fc.nat(),
  delay: fc.nat(20),
});
type Arrival = typeof anyArrival extends fc.Arbitrary<infer T> ? T : never;

function toRequest(arrival: Arrival, index: number): GenerationRequest {
  const { deterministic, sharesBeginning, own, maxTokens, temperature, seed } = arrival;
  const common = Array.from({ length: sharesBeginning ? COMMON_TOKENS : 0 }, (_, i) => (i * 31) % 100);
  return request(`r${index}`, {
    promptTokenIds: Int32Array.of(...common, ...own),
    maxTokens,
    deterministic,
    sampling: { ...greedy, temperature, seed },
  });
}

async function runAlone(one: GenerationRequest): Promise<readonly number[]> {
  const engine = new Engine({ runner: reference, prefillChunkTokens: 64 });
  const { tokenIds } = await engine.submit(one);
  await engine.close();
  return tokenIds;
}

it('deterministic requests have the tokens they have alone, whatever shares the model, the cache and the memory', async () => {
  const seen = { preemptions: 0, prefixHits: 0, mixed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(anyArrival, { minLength: 3, maxLength: 10 }), async (arrivals) => {
      const violations: string[] = [];
      const engine: Engine = new Engine({
        runner: busy,
        prefillChunkTokens: 48,
        onStep: ({ preemptions, prefixHitTokens, decodeRows, prefillTokens }) => {
          seen.preemptions += preemptions;
          seen.prefixHits += prefixHitTokens;
          seen.mixed += Math.min(decodeRows, prefillTokens);
          violations.push(...findViolations(engine.inspect()));
        },
      });
      const pending: Promise<GenerationResult>[] = [];
      for (const [index, arrival] of arrivals.entries()) {
        for (let turn = 0; turn < arrival.delay; turn++) await new Promise(setImmediate);
        pending.push(engine.submit(toRequest(arrival, index)));
      }
      const results = await Promise.all(pending);
      await engine.close();
      expect(violations).toEqual([]);
      const compared = arrivals.flatMap(({ deterministic }, index) => (deterministic ? [index] : []));
      const expected: (readonly number[])[] = [];
      for (const index of compared) expected.push(await runAlone(toRequest(arrivals[index]!, index)));
      expect(compared.map((index) => results[index]!.tokenIds)).toEqual(expected);
    }),
    { numRuns: 20, endOnFailure: true },
  );
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(0);
});
