import type { PlanCandidate } from '../scheduling/plan-step.js';
import type { SamplingContext } from '../sampling/sample-token.js';
import { TokenHistory } from '../sampling/token-history.js';
import type { GenerationFinish, GenerationRequest, GenerationResult } from './generation-request.js';
import { bannedTokenIds, isStopToken, stopReasonOf, type StopReason } from './stop-conditions.js';
import { TextOutput } from './text-output.js';

/** A request that holds a slot: what of it is in the cache, and what was generated. */
export class Sequence implements PlanCandidate {
  readonly request: GenerationRequest;
  readonly slot: number;
  readonly admission: number;
  readonly output: TextOutput;
  readonly #admittedAtMs: number;
  readonly #history: TokenHistory;
  readonly #tokenIds: number[] = [];
  #processedTokens = 0;
  #prefillMs = 0;
  #firstTokenAtMs: number | null = null;
  #lastTokenAtMs = 0;

  constructor(request: GenerationRequest, slot: number, admission: number, nowMs: number) {
    this.request = request;
    this.slot = slot;
    this.admission = admission;
    this.output = new TextOutput(request.decoder, request.stopStrings);
    this.#admittedAtMs = nowMs;
    this.#history = new TokenHistory(request.promptTokenIds, request.sampling);
  }

  get promptTokens(): number {
    return this.request.promptTokenIds.length;
  }

  /** Tokens whose key and value are in the cache: all but the last generated one. */
  get processedTokens(): number {
    return this.#processedTokens;
  }

  get generatedTokens(): number {
    return this.#tokenIds.length;
  }

  /** The token that the next decode step runs. */
  get lastTokenId(): number {
    const tokenId = this.#tokenIds.at(-1);
    if (tokenId === undefined) throw new Error('A sequence decodes before its first token. This is a bug.');
    return tokenId;
  }

  get samplingContext(): SamplingContext {
    return {
      params: this.request.sampling,
      history: this.#history,
      position: this.promptTokens + this.generatedTokens,
      bannedTokenIds: bannedTokenIds(this.request, this.generatedTokens),
    };
  }

  commitPrefill(tokenCount: number, modelMs: number): void {
    this.#processedTokens += tokenCount;
    this.#prefillMs += modelMs;
  }

  commitDecode(): void {
    this.#processedTokens += 1;
  }

  /** Takes a sampled token. Returns why the sequence ends with it; null where it goes on. */
  append(tokenId: number, nowMs: number): StopReason | null {
    const checksStops = this.generatedTokens >= this.request.minTokens;
    this.#tokenIds.push(tokenId);
    this.#history.add(tokenId);
    this.#firstTokenAtMs ??= nowMs;
    this.#lastTokenAtMs = nowMs;
    if (isStopToken(this.request, tokenId)) this.output.pushSilent();
    else this.output.push(tokenId, checksStops);
    return stopReasonOf(this.request, tokenId, this.generatedTokens, this.output.foundStopString);
  }

  toResult(finish: GenerationFinish): GenerationResult {
    const first = this.#firstTokenAtMs;
    return {
      text: this.output.text,
      tokenIds: this.#tokenIds,
      finish,
      promptTokenCount: this.promptTokens,
      cachedTokenCount: 0,
      timeToFirstTokenMs: first === null ? null : first - this.#admittedAtMs,
      prefillMs: this.#prefillMs,
      decodeMs: first === null ? 0 : this.#lastTokenAtMs - first,
    };
  }
}

export function finishOf(reason: StopReason): GenerationFinish {
  switch (reason) {
    case 'stop-token':
    case 'stop-string':
      return 'stop';
    case 'max-tokens':
      return 'length';
    default:
      return reason satisfies never;
  }
}
