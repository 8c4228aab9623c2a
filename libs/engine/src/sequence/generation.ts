import { InvalidGenerationRequestError } from '../errors.js';
import type { TokenLogits } from '../ports/token-logits.js';
import type { SamplingScratch } from '../sampling/draw-token.js';
import { needsFullLogits } from '../sampling/needs-full-logits.js';
import { sampleToken, sampleWithLogprobs, type SamplingContext } from '../sampling/sample-token.js';
import { TokenHistory } from '../sampling/token-history.js';
import type { TokenLogprobs } from '../sampling/token-logprobs.js';
import type {
  GenerationFinish,
  GenerationRequest,
  GenerationResult,
  TextDelta,
} from './generation-request.js';
import { PromptScores } from './prompt-scores.js';
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
  /** Null where the prompt is not scored. */
  readonly #promptScores: PromptScores | null;
  readonly #tokenIds: number[] = [];
  /** One for each of the tokens, where the request reports them. */
  readonly #logprobs: TokenLogprobs[] = [];
  #reportedTokens = 0;
  #finish: GenerationFinish | null = null;

  /** @throws InvalidGenerationRequestError where the constraint does not allow a resumed token. */
  constructor(request: GenerationRequest) {
    this.request = request;
    this.output = new TextOutput(request.decoder, request.stopStrings);
    this.#history = new TokenHistory(request.promptTokenIds, request.sampling);
    this.#promptScores =
      request.scoresPrompt === true
        ? new PromptScores(request.promptTokenIds, request.topLogprobs ?? 0)
        : null;
    if (request.maxTokens === 0) this.#finish = 'length';
    request.resume?.tokenIds.forEach((tokenId, index) => {
      if (this.#finish === null) this.#resume(tokenId, request.resume?.logprobs?.[index]);
    });
    if (this.#finish !== null) this.output.end();
    this.output.takePending();
    this.#reportedTokens = this.#tokenIds.length;
    this.resumedTokens = this.#tokenIds.length;
  }

  get tokenIds(): readonly number[] {
    return this.#tokenIds;
  }

  /** How the text has ended, by its last token or since it may have none; null where it goes on. */
  get finish(): GenerationFinish | null {
    return this.#finish;
  }

  /** Its prompt's logits are wanted, and not all there yet. */
  get isScoring(): boolean {
    return this.#promptScores?.isComplete === false;
  }

  /** Whether what comes next takes more than the `topLogits` best logits. */
  needsFullLogits(topLogits: number): boolean {
    if (this.isScoring) return true;
    const { sampling, constraint, topLogprobs } = this.request;
    const rules = {
      params: sampling,
      bannedTokenIds: bannedTokenIds(this.request, this.#tokenIds.length),
      isConstrained: constraint !== null,
      topLogprobs: topLogprobs ?? 0,
    };
    return needsFullLogits(rules, topLogits);
  }

  /** Takes the logits after the prompt's positions from `start` on; of other positions they are passed over. */
  scorePrompt(start: number, rows: readonly TokenLogits[], { ranked }: SamplingScratch): void {
    this.#promptScores?.add(start, rows, ranked);
  }

  /**
   * Chooses the next token and takes it. `logits` may be changed in place.
   * @throws Error where the logits are not numbers or the constraint leaves no token.
   */
  sampleNext(logits: TokenLogits, scratch: SamplingScratch): number {
    const { topLogprobs } = this.request;
    const context = this.#samplingContext();
    if (topLogprobs === null) {
      const tokenId = sampleToken(logits, context, scratch);
      this.#append(tokenId);
      return tokenId;
    }
    const logprobs = sampleWithLogprobs(logits, context, topLogprobs, scratch);
    this.#append(logprobs.tokenId, logprobs);
    return logprobs.tokenId;
  }

  /** Takes the text that became visible since the last call and the tokens behind it; null where nothing did. */
  takeDelta(): TextDelta | null {
    const text = this.output.takePending();
    if (text === '') return null;
    const tokenIds = this.#tokenIds.slice(this.#reportedTokens);
    const logprobs = this.#logprobsFrom(this.#reportedTokens);
    this.#reportedTokens = this.#tokenIds.length;
    return { id: this.request.id, text, tokenIds, ...logprobs };
  }

  toResult(finish: GenerationFinish, figures = NEVER_RUN): GenerationResult {
    return {
      text: this.output.text,
      tokenIds: this.#tokenIds,
      ...this.#logprobsFrom(0),
      ...(this.#promptScores?.isComplete === true ? { promptLogprobs: this.#promptScores.scores } : {}),
      resumedTokenCount: this.resumedTokens,
      finish,
      promptTokenCount: this.request.promptTokenIds.length,
      ...figures,
    };
  }

  #samplingContext(): SamplingContext {
    const { promptTokenIds, maxTokens, sampling, constraint } = this.request;
    const generatedTokens = this.#tokenIds.length;
    return {
      params: sampling,
      history: this.#history,
      position: promptTokenIds.length + generatedTokens,
      bannedTokenIds: bannedTokenIds(this.request, generatedTokens),
      allowedTokens: constraint?.allowedTokens(maxTokens - generatedTokens) ?? null,
    };
  }

  #resume(tokenId: number, logprobs: TokenLogprobs | undefined): void {
    try {
      this.#append(tokenId, logprobs);
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new InvalidGenerationRequestError(
        'resume',
        `token ${tokenId} at ${this.#tokenIds.length} does not follow the constraint: ${problem}`,
      );
    }
  }

  #append(tokenId: number, logprobs?: TokenLogprobs): void {
    const { constraint, minTokens } = this.request;
    const checksStops = this.#tokenIds.length >= minTokens;
    constraint?.accept(tokenId);
    this.#tokenIds.push(tokenId);
    if (logprobs !== undefined) this.#logprobs.push(logprobs);
    this.#history.add(tokenId);
    if (!isStopToken(this.request, tokenId)) this.output.push(tokenId, checksStops);
    const reason = stopReasonOf(this.request, tokenId, this.#tokenIds.length, {
      foundStopString: this.output.foundStopString,
      completedConstraint: constraint?.isComplete ?? false,
    });
    this.#finish = reason === null ? null : finishOf(reason);
  }

  #logprobsFrom(start: number): Pick<GenerationResult, 'logprobs'> {
    return this.request.topLogprobs === null ? {} : { logprobs: this.#logprobs.slice(start) };
  }
}
