import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';

/** Tokens that a sequence runs in a step, behind those it has in the cache. */
export interface TokenRun {
  readonly sequence: Sequence;
  readonly tokenIds: Int32Array;
  /** Of how many of its last positions logits are wanted. */
  readonly logitPositions: number;
}

/** The one token of each decode. Its logits are wanted where it is the last one that is known. */
export function decodeRuns({ decodes }: StepPlan<Sequence>): TokenRun[] {
  return decodes.map((sequence) => ({
    sequence,
    tokenIds: Int32Array.of(sequence.nextTokenId),
    logitPositions: sequence.processedTokens + 1 === sequence.knownTokens ? 1 : 0,
  }));
}

/** Chunks of prompts, and drafts behind the token that is next. */
export function chunkRuns({ chunks, drafts }: StepPlan<Sequence>): TokenRun[] {
  return [
    ...chunks.map(({ sequence, tokenCount, logitPositions }) => ({
      sequence,
      tokenIds: sequence.nextChunk(tokenCount),
      logitPositions,
    })),
    ...drafts.map(({ sequence, tokenIds }) => ({
      sequence,
      tokenIds: Int32Array.of(sequence.nextTokenId, ...tokenIds),
      logitPositions: 1 + tokenIds.length,
    })),
  ];
}

/** True where one of the rows must answer as it would beside any others; those never draft. */
export function isExact({ decodes, chunks }: StepPlan<Sequence>): boolean {
  return [...decodes, ...chunks.map(({ sequence }) => sequence)].some(({ request }) => request.deterministic);
}
