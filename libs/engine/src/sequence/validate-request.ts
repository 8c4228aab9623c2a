import { InvalidGenerationRequestError } from '../errors.js';
import type { CacheLimits } from '../ports/cache-manager.port.js';
import type { GenerationRequest } from './generation-request.js';

/** As in OpenAI's API. */
const MAX_TOP_LOGPROBS = 20;

/** @throws InvalidGenerationRequestError where the model could not run the request whatever the load. */
export function validateRequest(request: GenerationRequest, limits: CacheLimits): void {
  const { promptTokenIds, maxTokens, minTokens, sampling, stopStrings, topLogprobs, constraint, resume } =
    request;
  const scoresPrompt = request.scoresPrompt ?? false;
  const leastMaxTokens = scoresPrompt ? 0 : 1;
  const refuse = (field: keyof GenerationRequest, problem: string): never => {
    throw new InvalidGenerationRequestError(field, problem);
  };
  const outside = (id: number) => !(Number.isInteger(id) && id >= 0 && id < limits.vocabSize);

  if (promptTokenIds.length === 0) refuse('promptTokenIds', 'needs at least one token.');
  if (!Number.isInteger(maxTokens) || maxTokens < leastMaxTokens)
    refuse('maxTokens', `is ${maxTokens}, must be ${leastMaxTokens} or more.`);
  if (promptTokenIds.length + maxTokens > limits.contextTokens) {
    refuse(
      'maxTokens',
      `${promptTokenIds.length} prompt tokens and ${maxTokens} more exceed the context of ` +
        `${limits.contextTokens}. Ask for ${Math.max(0, limits.contextTokens - promptTokenIds.length)} at most.`,
    );
  }
  const mostTokens = promptTokenIds.length + maxTokens;
  if (mostTokens > limits.cacheTokens) {
    refuse(
      'maxTokens',
      `${mostTokens} tokens with the prompt exceed the key-value cache's memory for ${limits.cacheTokens}. ` +
        'Ask for fewer, or give the cache more memory.',
    );
  }
  if (!(minTokens >= 0 && minTokens <= maxTokens)) {
    refuse('minTokens', `is ${minTokens}, must be between 0 and maxTokens (${maxTokens}).`);
  }
  const leastTokens = constraint?.minRemainingTokens() ?? 0;
  if (maxTokens < leastTokens) {
    refuse(
      'maxTokens',
      `is ${maxTokens}, but the shortest text that the constraint allows takes ${leastTokens}.`,
    );
  }
  if (
    topLogprobs !== null &&
    !(Number.isInteger(topLogprobs) && topLogprobs >= 0 && topLogprobs <= MAX_TOP_LOGPROBS)
  ) {
    refuse('topLogprobs', `is ${topLogprobs}, must be an integer from 0 to ${MAX_TOP_LOGPROBS}, or null.`);
  }
  if (scoresPrompt && topLogprobs === null) {
    refuse('scoresPrompt', 'needs `topLogprobs`, which says what to report of each token.');
  }
  if (stopStrings.includes('')) refuse('stopStrings', 'holds an empty string, which would stop at once.');
  const badToken = promptTokenIds.find(outside);
  if (badToken !== undefined) {
    refuse('promptTokenIds', `token ${badToken} is outside the vocabulary of ${limits.vocabSize}.`);
  }
  if (resume !== null && resume.tokenIds.length > maxTokens) {
    refuse('resume', `has ${resume.tokenIds.length} tokens, more than maxTokens (${maxTokens}).`);
  }
  const knownLogprobs = resume?.logprobs?.length ?? 0;
  if (resume !== null && topLogprobs !== null && knownLogprobs !== resume.tokenIds.length) {
    refuse(
      'resume',
      `has ${knownLogprobs} log probabilities for ${resume.tokenIds.length} tokens. Give one each.`,
    );
  }
  const badResumed = resume?.tokenIds.find(outside);
  if (badResumed !== undefined) {
    refuse('resume', `token ${badResumed} is outside the vocabulary of ${limits.vocabSize}.`);
  }
  const badBias = [...sampling.logitBias.keys()].find(outside);
  if (badBias !== undefined) {
    refuse('sampling', `logit_bias names token ${badBias}, outside the vocabulary of ${limits.vocabSize}.`);
  }
}
