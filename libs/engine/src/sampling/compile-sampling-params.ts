import type { JobInput } from '#contracts';
import type { SamplingParams } from './sampling-params.js';

/**
 * Complete sampling rules of a job. Unset fields take OpenAI's and Hugging Face's neutral defaults: temperature 1,
 * no truncation, no penalty. `do_sample: false` is greedy whatever the temperature.
 * @param defaultSeed used where the job names no seed; give a value that stays the same for a retried job.
 */
export function compileSamplingParams(input: JobInput, defaultSeed: number): SamplingParams {
  return {
    temperature: input.do_sample === false ? 0 : (input.temperature ?? 1),
    topK: input.top_k ?? 0,
    topP: input.top_p ?? 1,
    minP: input.min_p ?? 0,
    typicalP: input.typical_p ?? 1,
    repetitionPenalty: input.repetition_penalty ?? 1,
    presencePenalty: input.presence_penalty ?? 0,
    frequencyPenalty: input.frequency_penalty ?? 0,
    logitBias: new Map(Object.entries(input.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias])),
    seed: input.seed ?? defaultSeed,
  };
}
