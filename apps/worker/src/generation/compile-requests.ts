import {
  DroverError,
  isDeterministic,
  offeredTools,
  resolveMaxTokens,
  sequenceCountOf,
  type JobFailure,
  type JobInput,
  type JobRecord,
} from '#contracts';
import { compileSamplingParams, seedOfChoice, type GenerationRequest } from '#engine';
import type { TextSoFar } from '#queue';
import { specOfJob, type ConstraintCompiler } from '#structured';
import type { Tokenizer } from '#tokenizer';
import { defaultSeedOf } from './default-seed.js';
import { resumePointOf } from './resume-point.js';
import { sequenceIdOf } from './sequence-id.js';

/** What a worker serves, as far as it takes part in compiling. */
export interface ServedModel {
  readonly tokenizer: Tokenizer;
  readonly contextTokens: number;
  readonly constraints: Pick<ConstraintCompiler, 'compile'>;
}

/**
 * A job's input as the engine takes it: template rendered, text encoded, limits and sampling rules resolved. One request
 * for each of its texts that has not ended, to go on from what earlier attempts have shown.
 * @param attemptKey unique per attempt.
 * @throws DroverError where the input cannot run on this model.
 */
export function compileRequests(
  job: JobRecord,
  generated: readonly TextSoFar[],
  attemptKey: string,
  model: ServedModel,
): GenerationRequest[] {
  const { input } = job;
  const sequences = sequenceCountOf(input);
  const common = compileCommon(job, sequences, model);
  const form = model.constraints.compile(specOfJob(input));
  const going = Array.from({ length: sequences }, (_, index) => index).filter(
    (index) => (generated[index]?.finishReason ?? null) === null,
  );
  const scoresPrompt = input.echo === true && input.logprobs === true;
  // Texts share their prompt, so one scores it for all: one that has ended, where none is left.
  const running = scoresPrompt && going.length === 0 ? [0] : going;
  return running.map((index) => ({
    ...common,
    scoresPrompt: scoresPrompt && index === running[0],
    id: sequenceIdOf(attemptKey, index),
    sampling: { ...common.sampling, seed: seedOfChoice(common.sampling.seed, index) },
    constraint: form?.create() ?? null,
    decoder: model.tokenizer.createTextDecoder(),
    resume: resumePointOf(input, generated[index]),
  }));
}

/** What all texts of a job have in common. */
function compileCommon(job: JobRecord, sequences: number, { tokenizer, contextTokens }: ServedModel) {
  const { input } = job;
  const promptTokenIds = encodeInput(input, tokenizer);
  const maxTokens = job.maxTokens / sequences;
  return {
    promptTokenIds,
    maxTokens: resolveMaxTokens(
      { prompt: input.prompt, max_tokens: maxTokens },
      promptTokenIds.length,
      contextTokens,
    ),
    minTokens: input.min_tokens ?? 0,
    sampling: compileSamplingParams(input, defaultSeedOf(job.id)),
    deterministic: isDeterministic(input),
    cacheSalt: JSON.stringify([job.tenant, input.cache_salt ?? '']),
    topLogprobs: topLogprobsOf(input),
    stopStrings: typeof input.stop === 'string' ? [input.stop] : (input.stop ?? []),
    stopTokenIds: [
      ...(input.ignore_eos === true ? [] : tokenizer.endTokenIds),
      ...(input.stop_token_ids ?? []),
    ],
  };
}

function encodeInput(input: JobInput, tokenizer: Tokenizer): Int32Array {
  return input.messages === undefined
    ? tokenizer.encodePrompt(input.prompt ?? '')
    : tokenizer.encodeChat(input.messages, offeredTools(input));
}

/** The best of several texts are chosen by their log probabilities, whether the client hears of them or not. */
function topLogprobsOf(input: JobInput): number | null {
  if (input.logprobs === true) return input.top_logprobs ?? 0;
  return sequenceCountOf(input) > (input.n ?? 1) ? 0 : null;
}

/** What a job fails with when its input could not be compiled. */
export function describeRefusal(error: unknown): JobFailure {
  if (!(error instanceof DroverError)) throw error;
  const code = error.code === 'context_length_exceeded' ? error.code : 'invalid_input';
  return { code, message: error.message };
}
