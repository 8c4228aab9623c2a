import type { PlanCandidate } from '../scheduling/plan-step.js';
import type { GenerationFinish, GenerationRequest, GenerationResult } from './generation-request.js';
import type { Generation } from './generation.js';

/**
 * A generation that holds a slot. It knows its prompt and the tokens generated so far; what it knows is run, first in
 * chunks, then token by token, and once all of it is in the cache the next token is sampled.
 */
export class Sequence implements PlanCandidate {
  readonly generation: Generation;
  readonly slot: number;
  readonly admission: number;
  /** What runs in chunks: the prompt, and resumed tokens where they are replayed by `prefill`. */
  readonly prefillTokenIds: Int32Array;
  readonly #admittedAtMs: number;
  #processedTokens = 0;
  #prefillMs = 0;
  #firstTokenAtMs: number | null = null;
  #lastTokenAtMs = 0;

  constructor(generation: Generation, slot: number, admission: number, nowMs: number) {
    this.generation = generation;
    this.slot = slot;
    this.admission = admission;
    this.prefillTokenIds = prefillTokenIdsOf(generation);
    this.#admittedAtMs = nowMs;
  }

  get request(): GenerationRequest {
    return this.generation.request;
  }

  get promptTokens(): number {
    return this.request.promptTokenIds.length;
  }

  get prefillTokens(): number {
    return this.prefillTokenIds.length;
  }

  get resumedTokens(): number {
    return this.generation.resumedTokens;
  }

  /** Prompt and generated tokens; those past `processedTokens` are to be run. */
  get knownTokens(): number {
    return this.promptTokens + this.generation.tokenIds.length;
  }

  /** Tokens whose key and value are in the cache. */
  get processedTokens(): number {
    return this.#processedTokens;
  }

  /** The token that the next decode step runs. */
  get nextTokenId(): number {
    const tokenId = this.generation.tokenIds[this.#processedTokens - this.promptTokens];
    if (tokenId === undefined) throw new Error('A sequence decodes a token it does not know. This is a bug.');
    return tokenId;
  }

  /** True when the logits of its last run decide the next token. */
  get isDue(): boolean {
    return this.#processedTokens === this.knownTokens;
  }

  commitDecode(): void {
    this.#processedTokens += 1;
  }

  commitPrefill(tokenCount: number, modelMs: number): void {
    this.#processedTokens += tokenCount;
    this.#prefillMs += modelMs;
  }

  /** Takes a sampled token. */
  append(tokenId: number, nowMs: number): void {
    this.generation.append(tokenId);
    this.#firstTokenAtMs ??= nowMs;
    this.#lastTokenAtMs = nowMs;
  }

  toResult(finish: GenerationFinish): GenerationResult {
    const first = this.#firstTokenAtMs;
    return this.generation.toResult(finish, {
      timeToFirstTokenMs: first === null ? null : first - this.#admittedAtMs,
      prefillMs: this.#prefillMs,
      decodeMs: first === null ? 0 : this.#lastTokenAtMs - first,
    });
  }
}

function prefillTokenIdsOf({ request, tokenIds }: Generation): Int32Array {
  const { promptTokenIds, resume } = request;
  return resume?.replay === 'prefill' ? Int32Array.from([...promptTokenIds, ...tokenIds]) : promptTokenIds;
}
