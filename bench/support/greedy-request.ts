import { compileSamplingParams, type GenerationRequest } from '#engine';

type Given = Pick<GenerationRequest, 'id' | 'promptTokenIds' | 'maxTokens' | 'deterministic' | 'decoder'>;

/** Without a stop rule but the length. */
export function greedyRequest(given: Given): GenerationRequest {
  return {
    ...given,
    minTokens: 0,
    sampling: compileSamplingParams({ do_sample: false }, 0),
    cacheSalt: '',
    topLogprobs: null,
    constraint: null,
    stopStrings: [],
    stopTokenIds: [],
    resume: null,
  };
}
