import type { StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import type { CacheSnapshot } from './cache-snapshot.js';
import type { TokenLogits } from './token-logits.js';

/** What a request for room in the cache came to. What could never fit is refused before it gets here. */
export type Room = 'granted' | 'no-room-now';

/**
 * Why a sequence leaves the cache. What an `ended` or `preempted` one has computed may be reused; a `failed` one leaves
 * nothing behind; a `preempted` one is to give its memory back at once.
 */
export type Departure = 'ended' | 'preempted' | 'failed';

/**
 * Logits of a plan, in its order: decodes, chunks, drafts. Each has as many as are wanted, the last position's last. They
 * are valid, and may be changed in place, until the next run.
 */
export type PlanLogits = readonly (readonly TokenLogits[])[];

/** What a model and its cache have room for. */
export interface CacheLimits {
  readonly vocabSize: number;
  /** Most tokens of one sequence, prompt and generated together. */
  readonly contextTokens: number;
  /** Most tokens in the cache over all sequences. */
  readonly cacheTokens: number;
  /** Most sequences in the cache, and so in a step. */
  readonly sequences: number;
  /** Most tokens of a step. */
  readonly stepTokens: number;
  /** Tokens of a block, in which prefixes are shared; even. */
  readonly blockTokens: number;
}

/**
 * The model with its key-value cache, in which it gives sequences their places. A plan speaks of sequences and token
 * counts; only the manager knows where their tokens are, so that slots on a CPU and a pool of blocks on a GPU serve the
 * same scheduler. One `run` at a time, and all other calls between runs, but for `admit`: requests come at any time.
 */
export interface CacheManager {
  readonly limits: CacheLimits;
  /** False where `reuse` never finds anything. */
  readonly reusesPrefixes: boolean;
  /** Gives a new or preempted sequence a place. Nothing changes unless it is granted. */
  admit(sequence: Sequence): Room;
  /** Holds room for the sequence's first `tokens` tokens. Nothing changes unless it is granted. */
  reserve(sequence: Sequence, tokens: number): Room;
  /** Brings in what it knows of the tokens that the sequence would run next; returns how many those are. */
  reuse(sequence: Sequence): number;
  /** True where one of the chunks computes what the sequence would run next, so that a step later it can be reused. */
  isComing(sequence: Sequence, chunks: StepPlan<Sequence>['chunks']): boolean;
  /** Runs a plan that has its room. */
  run(plan: StepPlan<Sequence>): Promise<PlanLogits>;
  /** The last `tokenCount` processed tokens of a sequence ran in a chunk: from now on others may reuse them. */
  keepChunk(sequence: Sequence, tokenCount: number): void;
  release(sequence: Sequence, departure: Departure): void;
  /** Puts sequences closer together where that saves more than it costs. */
  compact(): void;
  inspect(): CacheSnapshot;
}
