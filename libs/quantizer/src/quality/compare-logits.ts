import type { Divergence } from '#model-store';

/** Sums over positions, to be added up over rows. */
export interface LogitsComparison {
  readonly tokens: number;
  readonly klNats: number;
  readonly agreements: number;
}

export const NOTHING_COMPARED: LogitsComparison = { tokens: 0, klNats: 0, agreements: 0 };

/**
 * KL divergence KL(reference ‖ candidate) and agreement of the likeliest token at every position.
 *
 * @param reference `[tokens, vocabSize]` logits
 * @param candidate logits of the same shape
 */
export function compareLogits(
  reference: Float32Array,
  candidate: Float32Array,
  vocabSize: number,
): LogitsComparison {
  if (reference.length !== candidate.length) {
    throw new RangeError(`${reference.length} logits cannot be compared with ${candidate.length}`);
  }
  const tokens = reference.length / vocabSize;
  let klNats = 0;
  let agreements = 0;
  for (let token = 0; token < tokens; token++) {
    const from = token * vocabSize;
    const p = reference.subarray(from, from + vocabSize);
    const q = candidate.subarray(from, from + vocabSize);
    klNats += klDivergence(p, q);
    if (likeliest(p) === likeliest(q)) agreements++;
  }
  return { tokens, klNats, agreements };
}

export function addComparisons(a: LogitsComparison, b: LogitsComparison): LogitsComparison {
  return {
    tokens: a.tokens + b.tokens,
    klNats: a.klNats + b.klNats,
    agreements: a.agreements + b.agreements,
  };
}

export function toDivergence({ tokens, klNats, agreements }: LogitsComparison): Divergence {
  return { klNatsPerToken: klNats / tokens, top1Agreement: agreements / tokens, tokens };
}

function klDivergence(p: Float32Array, q: Float32Array): number {
  const logSumP = logSumExp(p);
  const logSumQ = logSumExp(q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = p[i]! - logSumP;
    sum += Math.exp(logP) * (logP - (q[i]! - logSumQ));
  }
  return sum;
}

function logSumExp(logits: Float32Array): number {
  const peak = logits[likeliest(logits)]!;
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - peak);
  return peak + Math.log(sum);
}

function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  return best;
}
