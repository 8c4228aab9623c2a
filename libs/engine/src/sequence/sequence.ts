import type { SequenceSnapshot } from '../engine-snapshot.js';
import type { TokenLogits } from '../ports/token-logits.js';
import type { SamplingScratch } from '../sampling/draw-token.js';
import type { PlanCandidate } from '../scheduling/plan-step.js';
import type { GenerationFinish, GenerationRequest, GenerationResult } from './generation-request.js';
import type { Generation } from './generation.js';

/**
 * A generation on its way through the cache. It knows its prompt and the tokens generated so far; what it knows is run,
 * first in chunks, then token by token, and once all of it is in the cache the next token is sampled. Preempted, it
 * loses what is in the cache and nothing else.
 */
export class Sequence implements PlanCandidate {
  readonly generation: Generation;
  /** Rank by arrival: lower came earlier. */
  readonly admission: number;
  #prefillTokenIds: Int32Array;
  #replayEnd: number;
  #processedTokens = 0;
  #cachedTokens = 0;
  #wasPreempted = false;
  #admittedAtMs: number | null = null;
  #prefillMs = 0;
  #firstTokenAtMs: number | null = null;
  #lastTokenAtMs = 0;

  constructor(generation: Generation, admission: number) {
    const { request } = generation;
    this.generation = generation;
    this.admission = admission;
    this.#replayEnd = this.knownTokens;
    this.#prefillTokenIds =
      request.resume?.replay === 'prefill' ? this.#knownTokenIds(this.knownTokens) : request.promptTokenIds;
  }

  get request(): GenerationRequest {
    return this.generation.request;
  }

  get promptTokens(): number {
    return this.request.promptTokenIds.length;
  }

  /** What runs in chunks: the prompt, and known tokens that come back by prefill. */
  get prefillTokenIds(): Int32Array {
    return this.#prefillTokenIds;
  }

  get prefillTokens(): number {
    return this.#prefillTokenIds.length;
  }

  /** Prompt and generated tokens; those past `processedTokens` are to be run. */
  get knownTokens(): number {
    return this.promptTokens + this.generation.tokenIds.length;
  }

  /** Tokens that it will know at most. */
  get mostTokens(): number {
    return this.promptTokens + this.request.maxTokens;
  }

  /** Where sampling began or begins since the last start: what was known then is only run again. */
  get replayEnd(): number {
    return this.#replayEnd;
  }

  /** Tokens whose key and value are in the cache. */
  get processedTokens(): number {
    return this.#processedTokens;
  }

  get wasPreempted(): boolean {
    return this.#wasPreempted;
  }

  /** Its prompt's logits are wanted, and not all there yet. */
  get isScoring(): boolean {
    return this.generation.isScoring;
  }

  /** A token is sampled once all that is known has run. */
  get generates(): boolean {
    return this.generation.finish === null;
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

  nextChunk(tokenCount: number): Int32Array {
    return this.#prefillTokenIds.subarray(this.#processedTokens, this.#processedTokens + tokenCount);
  }

  processedTokenIds(): Int32Array {
    return this.#knownTokenIds(this.#processedTokens);
  }

  /** It has a place in the cache. */
  start(nowMs: number): void {
    this.#admittedAtMs ??= nowMs;
  }

  /**
   * It has lost its place in the cache. A deterministic one comes back through the kernels that ran it at first; others
   * by prefill, which is faster.
   */
  restart(): void {
    this.#wasPreempted = true;
    this.#processedTokens = 0;
    this.#replayEnd = this.knownTokens;
    if (!this.request.deterministic) this.#prefillTokenIds = this.#knownTokenIds(this.knownTokens);
  }

  /** Counts tokens that came from the prefix cache as run. */
  commitReuse(tokenCount: number): void {
    const promptTokensLeft = Math.max(0, this.promptTokens - this.#processedTokens);
    if (!this.#wasPreempted) this.#cachedTokens += Math.min(tokenCount, promptTokensLeft);
    this.#processedTokens += tokenCount;
  }

  commitDecode(): void {
    this.#processedTokens += 1;
  }

  commitChunk(tokenCount: number, modelMs: number): void {
    this.#processedTokens += tokenCount;
    this.#prefillMs += modelMs;
  }

  /** Takes the logits of the last positions that have run, where its prompt is scored. */
  scorePrompt(rows: readonly TokenLogits[], scratch: SamplingScratch): void {
    this.generation.scorePrompt(this.#processedTokens - rows.length, rows, scratch);
  }

  /** Chooses the token that the logits of its last run decide, and takes it. */
  sampleNext(logits: TokenLogits, scratch: SamplingScratch, nowMs: number): void {
    this.generation.sampleNext(logits, scratch);
    this.#firstTokenAtMs ??= nowMs;
    this.#lastTokenAtMs = nowMs;
  }

  toResult(finish: GenerationFinish): GenerationResult {
    const first = this.#firstTokenAtMs;
    return this.generation.toResult(finish, {
      cachedTokenCount: this.#cachedTokens,
      timeToFirstTokenMs: first === null ? null : first - (this.#admittedAtMs ?? first),
      prefillMs: this.#prefillMs,
      decodeMs: first === null ? 0 : this.#lastTokenAtMs - first,
    });
  }

  inspect(): SequenceSnapshot {
    return {
      id: this.request.id,
      admission: this.admission,
      promptTokens: this.promptTokens,
      processedTokens: this.#processedTokens,
      replayEnd: this.#replayEnd,
      generatedTokens: this.generation.tokenIds.length,
      maxTokens: this.request.maxTokens,
    };
  }

  #knownTokenIds(count: number): Int32Array {
    const { promptTokenIds } = this.request;
    const tokenIds = new Int32Array(count);
    tokenIds.set(promptTokenIds.subarray(0, count));
    for (let i = promptTokenIds.length; i < count; i++) {
      tokenIds[i] = this.generation.tokenIds[i - promptTokenIds.length]!;
    }
    return tokenIds;
  }
}
