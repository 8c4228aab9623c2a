import type { SamplingContext } from '../sampling/sample-token.js';
import { TokenHistory } from '../sampling/token-history.js';
import type {
  GenerationFinish,
  GenerationRequest,
  GenerationResult,
  TextDelta,
} from './generation-request.js';
import { bannedTokenIds, finishOf, isStopToken, stopReasonOf } from './stop-conditions.js';
import { TextOutput } from './text-output.js';

type RunFigures = Pick<
  GenerationResult,
  'cachedTokenCount' | 'timeToFirstTokenMs' | 'prefillMs' | 'decodeMs'
>;

const NEVER_RUN: RunFigures = {
  cachedTokenCount: 0,
  timeToFirstTokenMs: null,
  prefillMs: 0,
  decodeMs: 0,
};

/**
 * What a request has become so far: its tokens, their text, and whether they end it. Resumed tokens go through the
 * same rules as sampled ones, but their text was reported before.
 */
export class Generation {
  readonly request: GenerationRequest;
  readonly output: TextOutput;
  readonly resumedTokens: number;
  readonly #history: TokenHistory;
  readonly #tokenIds: number[] = [];
  #reportedTokens = 0;
  #finish: GenerationFinish | null = null;

  constructor(request: GenerationRequest) {
    this.request = request;
    this.output = new TextOutput(request.decoder, request.stopStrings);
    this.#history = new TokenHistory(request.promptTokenIds, request.sampling);
    for (const tokenId of request.resume?.tokenIds ?? []) {
      if (this.#finish === null) this.append(tokenId);
    }
    if (this.#finish !== null) this.output.end();
    this.output.takePending();
    this.#reportedTokens = this.#tokenIds.length;
    this.resumedTokens = this.#tokenIds.length;
  }

  get tokenIds(): readonly number[] {
    return this.#tokenIds;
  }

  /** How the last token ended the text; null where it goes on. */
  get finish(): GenerationFinish | null {
    return this.#finish;
  }

  get samplingContext(): SamplingContext {
    const { promptTokenIds, sampling } = this.request;
    return {
      params: sampling,
      history: this.#history,
      position: promptTokenIds.length + this.#tokenIds.length,
      bannedTokenIds: bannedTokenIds(this.request, this.#tokenIds.length),
    };
  }

  append(tokenId: number): void {
    const checksStops = this.#tokenIds.length >= this.request.minTokens;
    this.#tokenIds.push(tokenId);
    this.#history.add(tokenId);
    if (!isStopToken(this.request, tokenId)) this.output.push(tokenId, checksStops);
    const reason = stopReasonOf(this.request, tokenId, this.#tokenIds.length, this.output.foundStopString);
    this.#finish = reason === null ? null : finishOf(reason);
  }

  /** Takes the text that became visible since the last call and the tokens behind it; null where nothing did. */
  takeDelta(): TextDelta | null {
    const text = this.output.takePending();
    if (text === '') return null;
    const tokenIds = this.#tokenIds.slice(this.#reportedTokens);
    this.#reportedTokens = this.#tokenIds.length;
    return { id: this.request.id, text, tokenIds };
  }

  toResult(finish: GenerationFinish, figures = NEVER_RUN): GenerationResult {
    return {
      text: this.output.text,
      tokenIds: this.#tokenIds,
      resumedTokenCount: this.resumedTokens,
      finish,
      promptTokenCount: this.request.promptTokenIds.length,
      ...figures,
    };
  }
}
