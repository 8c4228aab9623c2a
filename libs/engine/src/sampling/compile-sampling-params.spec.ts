import { describe, expect, it } from 'vitest';
import { compileSamplingParams } from './compile-sampling-params.js';

const prompt = { prompt: 'Hello' };

describe('sampling parameters', () => {
  it('are neutral where a job names none', () => {
    expect(compileSamplingParams(prompt, 99)).toEqual({
      temperature: 1,
      topK: 0,
      topP: 1,
      minP: 0,
      typicalP: 1,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: new Map(),
      seed: 99,
    });
  });

  it('take what the job names; do_sample: false is greedy whatever the temperature', () => {
    const input = { ...prompt, temperature: 0.7, top_k: 40, seed: 0, logit_bias: { '12': -100 } };
    expect(compileSamplingParams(input, 99)).toMatchObject({
      temperature: 0.7,
      topK: 40,
      seed: 0,
      logitBias: new Map([[12, -100]]),
    });
    expect(compileSamplingParams({ ...input, do_sample: false }, 99).temperature).toBe(0);
    expect(compileSamplingParams({ ...prompt, do_sample: true, temperature: 0 }, 99).temperature).toBe(0);
  });
});
