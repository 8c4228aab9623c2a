import type { SamplingParams } from '../sampling/sampling-params.js';
import type { TokenLogprobs } from '../sampling/token-logprobs.js';
import type { PromptTokenLogprobs } from './prompt-scores.js';
import type { TokenConstraint } from '../ports/token-constraint.port.js';
import type { TokenTextDecoder } from '../ports/token-text-decoder.port.js';

export interface GenerationRequest {
  readonly id: string;
  /** At least one token, and `promptTokenIds.length + maxTokens <= contextTokens`. */
  readonly promptTokenIds: Int32Array;
  /** At least 1; with `scoresPrompt` 0 generates nothing. */
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly sampling: SamplingParams;
  /**
   * The tokens are a function of this request alone on this variant: whatever runs beside it, after a resume, on
   * another worker. Costs a lone sequence the time of two rows, and it neither drafts nor reuses decoded prefixes.
   */
  readonly deterministic: boolean;
  /** Whose prefixes may be shared: cached blocks are found by requests of the same salt only. */
  readonly cacheSalt: string;
  /** Log probabilities to report with each token: null for none, otherwise of this many best tokens as well (0 to 20). */
  readonly topLogprobs: number | null;
  /**
   * Report log probabilities of the prompt's tokens too; needs `topLogprobs`. None of the prompt then comes from the
   * prefix cache. Default false.
   */
  readonly scoresPrompt?: boolean;
  /** Fresh, and for this request alone; null where every token may come. The engine closes it. */
  readonly constraint: TokenConstraint | null;
  readonly stopStrings: readonly string[];
  /** Tokens that end the text, the model's end tokens included unless the request ignores them. They are not part of the text. */
  readonly stopTokenIds: readonly number[];
  /** Fresh, and for this request alone. */
  readonly decoder: TokenTextDecoder;
  /** Where an earlier run of the same request was cut; null for a new one. */
  readonly resume: ResumePoint | null;
}

/** The tokens whose text an earlier run has shown: its deltas' `tokenIds`, joined. */
export interface ResumePoint {
  /** At most `maxTokens`. What follows a token that ends the text is left out. */
  readonly tokenIds: readonly number[];
  /** One for each token, where the request reports them. */
  readonly logprobs?: readonly TokenLogprobs[];
  /**
   * How they come back into the cache. `decode`: one a step, through the kernels that ran them at first, so that what
   * follows is bit for bit what would have followed. `prefill`: in the prompt's chunks, much faster, equal up to rounding.
   */
  readonly replay: 'decode' | 'prefill';
}

export type GenerationFinish = 'stop' | 'length' | 'aborted';

export interface GenerationResult {
  /** Resumed text included, as in `tokenIds`. */
  readonly text: string;
  /** All generated tokens, one that ended the text included. */
  readonly tokenIds: readonly number[];
  /** One for each of `tokenIds`, where the request reports them. */
  readonly logprobs?: readonly TokenLogprobs[];
  /** One for each of the prompt's tokens, where the request scores it and all have run. */
  readonly promptLogprobs?: readonly PromptTokenLogprobs[];
  /** How many of `tokenIds`, the first ones, were known from an earlier run. */
  readonly resumedTokenCount: number;
  readonly finish: GenerationFinish;
  readonly promptTokenCount: number;
  /** Prompt tokens that came from the prefix cache instead of being run. */
  readonly cachedTokenCount: number;
  /** Milliseconds from admission to a slot until the first new token; null when there was none. */
  readonly timeToFirstTokenMs: number | null;
  /** Milliseconds of the model runs that held a chunk of the sequence. */
  readonly prefillMs: number;
  /** Milliseconds from the first new token to the last. */
  readonly decodeMs: number;
}

/**
 * New visible text of one sequence after a step, and the tokens behind it: stop strings and half characters hold text
 * back, so these may be several. All deltas of a sequence, resumed runs included, make up its text.
 */
export interface TextDelta {
  readonly id: string;
  readonly text: string;
  readonly tokenIds: readonly number[];
  /** One for each of `tokenIds`, where the request reports them. */
  readonly logprobs?: readonly TokenLogprobs[];
}

/** Who is in a step that is about to run, by request id. */
export interface StepStart {
  readonly decodeIds: readonly string[];
  readonly prefillIds: readonly string[];
}

/** What one committed step did; the worker publishes and measures by it. Steps with rows and chunks are mixed. */
export interface StepReport {
  readonly deltas: readonly TextDelta[];
  /** Sequences that decoded, with drafts or without. */
  readonly decodeRows: number;
  /** Tokens that ran in chunks: of prompts, and resumed ones that are replayed by `prefill`. */
  readonly prefillTokens: number;
  /** Tokens sampled. */
  readonly generatedTokens: number;
  /** Resumed tokens, and known ones of preempted sequences, that ran again: as decode rows or in chunks. */
  readonly replayedTokens: number;
  /** Decode rows among them. */
  readonly replayedRows: number;
  /** Prompt tokens that were looked up in the prefix cache and then came from it or were run. */
  readonly prefixQueryTokens: number;
  /** Those among them that came from it. */
  readonly prefixHitTokens: number;
  /** Tokens of drafts that ran behind the decode rows. */
  readonly draftedTokens: number;
  /** Tokens that came of them, besides the one of each row; generated ones too. */
  readonly acceptedTokens: number;
  /** Sequences that lost their place in the cache to older ones; they run again later. */
  readonly preemptions: number;
  readonly slotsUsed: number;
  /** Tokens in the key-value cache after the step. */
  readonly cachedTokens: number;
  readonly modelMs: number;
  /** Of it, the host's time for telling of the step before. */
  readonly hiddenMs: number;
  readonly stepMs: number;
}
