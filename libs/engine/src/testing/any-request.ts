import * as fc from 'fast-check';
import type { GenerationRequest } from '../sequence/generation-request.js';
import { END, greedy, VOCAB } from './engine-fixture.js';

/** What may vary between requests: prompt, limits, sampling rules and stop rules. */
export const anyRequest: fc.Arbitrary<Partial<GenerationRequest>> = fc
  .record({
    prompt: fc.array(fc.nat(VOCAB - 1), { minLength: 1, maxLength: 20 }),
    maxTokens: fc.integer({ min: 1, max: 16 }),
    minTokens: fc.nat(6),
    sampling: fc.record({
      temperature: fc.constantFrom(0, 0.7, 1.5),
      topK: fc.constantFrom(0, 5),
      topP: fc.constantFrom(1, 0.8),
      repetitionPenalty: fc.constantFrom(1, 1.2),
      presencePenalty: fc.constantFrom(0, 0.5),
      frequencyPenalty: fc.constantFrom(0, 0.5),
      seed: fc.nat(),
    }),
    stopStrings: fc.constantFrom([], ['abc'], ['b ', 'ca'], ['bcabcab']),
  })
  .map(({ prompt, maxTokens, minTokens, sampling, stopStrings }) => ({
    promptTokenIds: Int32Array.from(prompt),
    maxTokens,
    minTokens: Math.min(minTokens, maxTokens),
    sampling: { ...greedy, ...sampling },
    stopStrings,
    stopTokenIds: [END],
  }));
