import type { SamplingParams } from '../sampling/sampling-params.js';
import type { TokenTextDecoder } from '../ports/token-text-decoder.port.js';

export interface GenerationRequest {
  readonly id: string;
  /** At least one token, and `promptTokenIds.length + maxTokens <= contextTokens`. */
  readonly promptTokenIds: Int32Array;
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly sampling: SamplingParams;
  readonly stopStrings: readonly string[];
  /** Tokens that end the text, the model's end tokens included unless the request ignores them. They are not part of the text. */
  readonly stopTokenIds: readonly number[];
  readonly decoder: TokenTextDecoder;
}

export type GenerationFinish = 'stop' | 'length' | 'aborted';

export interface GenerationResult {
  readonly text: string;
  /** All generated tokens, one that ended the text included. */
  readonly tokenIds: readonly number[];
  readonly finish: GenerationFinish;
  readonly promptTokenCount: number;
  readonly cachedTokenCount: number;
  /** Milliseconds from admission to a slot until the first token; null when there was none. */
  readonly timeToFirstTokenMs: number | null;
  /** Milliseconds of the model runs that held a chunk of the prompt. */
  readonly prefillMs: number;
  /** Milliseconds from the first generated token to the last. */
  readonly decodeMs: number;
}

/** New visible text of one sequence after a step. `tokenCount` tokens stand behind it (stop strings hold text back). */
export interface TextDelta {
  readonly id: string;
  readonly text: string;
  readonly tokenCount: number;
}

/** What one committed step did; the worker publishes and measures by it. */
export interface StepReport {
  readonly deltas: readonly TextDelta[];
  readonly decodeRows: number;
  readonly prefillTokens: number;
  /** Tokens sampled: one by each decode row and by each chunk that ended a prompt. */
  readonly generatedTokens: number;
  readonly slotsUsed: number;
  /** Tokens in the key-value cache after the step. */
  readonly cachedTokens: number;
  readonly modelMs: number;
  readonly stepMs: number;
}
