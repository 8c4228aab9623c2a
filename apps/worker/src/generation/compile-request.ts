import {
  DroverError,
  isDeterministic,
  resolveMaxTokens,
  type JobFailure,
  type JobInput,
  type JobRecord,
} from '#contracts';
import { compileSamplingParams, type GenerationRequest } from '#engine';
import type { GeneratedSoFar } from '#queue';
import type { Tokenizer } from '#tokenizer';
import { defaultSeedOf } from './default-seed.js';
import { resumePointOf } from './resume-point.js';

/**
 * A job's input as the engine takes it: template rendered, text encoded, limits and sampling rules resolved; to go on
 * from what earlier attempts have shown.
 * @param requestId unique per attempt.
 * @throws DroverError where the input cannot run on this model.
 */
export function compileRequest(
  job: JobRecord,
  generated: GeneratedSoFar,
  requestId: string,
  tokenizer: Tokenizer,
  contextTokens: number,
): GenerationRequest {
  const { input } = job;
  const promptTokenIds = encodeInput(input, tokenizer);
  return {
    id: requestId,
    promptTokenIds,
    maxTokens: resolveMaxTokens(
      { prompt: input.prompt, max_tokens: job.maxTokens },
      promptTokenIds.length,
      contextTokens,
    ),
    minTokens: input.min_tokens ?? 0,
    sampling: compileSamplingParams(input, defaultSeedOf(job.id)),
    deterministic: isDeterministic(input),
    cacheSalt: JSON.stringify([job.tenant, input.cache_salt ?? '']),
    topLogprobs: null,
    constraint: null,
    stopStrings: typeof input.stop === 'string' ? [input.stop] : (input.stop ?? []),
    stopTokenIds: [
      ...(input.ignore_eos === true ? [] : tokenizer.endTokenIds),
      ...(input.stop_token_ids ?? []),
    ],
    decoder: tokenizer.createTextDecoder(),
    resume: resumePointOf(input, generated),
  };
}

function encodeInput(input: JobInput, tokenizer: Tokenizer): Int32Array {
  return input.messages === undefined
    ? tokenizer.encodePrompt(input.prompt ?? '')
    : tokenizer.encodeChat(input.messages);
}

/** What a job fails with when its input could not be compiled. */
export function describeRefusal(error: unknown): JobFailure {
  if (!(error instanceof DroverError)) throw error;
  const code = error.code === 'context_length_exceeded' ? error.code : 'invalid_input';
  return { code, message: error.message };
}
