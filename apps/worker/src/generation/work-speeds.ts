import type { StepReport } from '#engine';

/** Busy time over which what was measured before fades to a third. */
const MEMORY_MS = 10_000;

type Work = Pick<StepReport, 'decodeRows' | 'acceptedTokens' | 'prefillTokens' | 'stepMs'>;

/**
 * How fast the worker decodes and reads prompts, over the time it spends on each: standing idle is no slowness. A row
 * brings a token, and those of its draft that were right. The time of a step that does both is shared out by what its
 * tokens and its chunks take at the speeds known so far.
 */
export class WorkSpeeds {
  private readonly decode = new FadingSpeed();
  private readonly prefill = new FadingSpeed();

  add({ decodeRows, acceptedTokens, prefillTokens, stepMs }: Work): void {
    const decodedTokens = decodeRows + acceptedTokens;
    const prefillMsPerToken = this.prefill.msPerToken ?? this.decode.msPerToken ?? 1;
    const decodeMsPerToken = this.decode.msPerToken ?? prefillMsPerToken;
    const decodeCost = decodedTokens * decodeMsPerToken;
    const cost = decodeCost + prefillTokens * prefillMsPerToken;
    if (cost === 0) return;
    const decodeMs = (stepMs * decodeCost) / cost;
    if (decodedTokens > 0) this.decode.add(decodedTokens, decodeMs);
    if (prefillTokens > 0) this.prefill.add(prefillTokens, stepMs - decodeMs);
  }

  /** Tokens per second of all rows together; null before any were decoded. */
  decodeTokensPerSecond(): number | null {
    return this.decode.tokensPerSecond;
  }

  /** Prompt tokens per second; null before there were any. */
  prefillTokensPerSecond(): number | null {
    return this.prefill.tokensPerSecond;
  }
}

/** Tokens over the time they took, both fading as time is spent. */
class FadingSpeed {
  private tokens = 0;
  private ms = 0;

  add(tokens: number, ms: number): void {
    const kept = Math.exp(-ms / MEMORY_MS);
    this.tokens = this.tokens * kept + tokens;
    this.ms = this.ms * kept + ms;
  }

  get msPerToken(): number | null {
    return this.ms === 0 ? null : this.ms / this.tokens;
  }

  get tokensPerSecond(): number | null {
    return this.ms === 0 ? null : (1000 * this.tokens) / this.ms;
  }
}
