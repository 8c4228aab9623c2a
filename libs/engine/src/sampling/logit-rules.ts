/** Rules that change logits in place, before tokens are ranked. Each touches only the tokens it is about. */

export function addLogitBias(logits: Float32Array, bias: ReadonlyMap<number, number>): void {
  for (const [id, value] of bias) logits[id] = at(logits, id) + value;
}

/** Divides positive and multiplies negative logits of tokens already seen (Keskar et al. 2019, CTRL, §4.1). */
export function penalizeRepetition(logits: Float32Array, seen: Iterable<number>, penalty: number): void {
  if (penalty === 1) return;
  for (const id of seen) {
    const logit = at(logits, id);
    logits[id] = logit > 0 ? logit / penalty : logit * penalty;
  }
}

/** OpenAI's formula: logit - count × frequency - (count > 0) × presence, over generated tokens. */
export function penalizeGenerated(
  logits: Float32Array,
  counts: ReadonlyMap<number, number>,
  presencePenalty: number,
  frequencyPenalty: number,
): void {
  if (presencePenalty === 0 && frequencyPenalty === 0) return;
  for (const [id, count] of counts) {
    logits[id] = at(logits, id) - count * frequencyPenalty - presencePenalty;
  }
}

export function banTokens(logits: Float32Array, tokenIds: readonly number[]): void {
  for (const id of tokenIds) logits[id] = -Infinity;
}

/**
 * Rules out the tokens whose bit is not set, 32 at a time: token `id` is bit `id % 32` of word `id >> 5`. Tokens past the
 * last word are ruled out.
 */
export function maskTokens(logits: Float32Array, allowedTokens: Int32Array): void {
  const words = Math.ceil(logits.length / 32);
  for (let word = 0; word < words; word++) {
    const bits = allowedTokens[word] ?? 0;
    if (bits === -1) continue;
    const start = word * 32;
    const end = Math.min(start + 32, logits.length);
    for (let id = start; id < end; id++) {
      if (((bits >>> (id & 31)) & 1) === 0) logits[id] = -Infinity;
    }
  }
}

/** @throws Error where the rules before have left no token. */
export function requireCandidate(logits: Float32Array): void {
  for (let id = 0; id < logits.length; id++) if (logits[id] !== -Infinity) return;
  throw new Error(
    'No token may come next: the constraint allows none that `min_tokens` and `logit_bias` do not rule out. ' +
      'Lower `min_tokens` or loosen the constraint.',
  );
}

function at(logits: Float32Array, id: number): number {
  return logits[id] ?? -Infinity;
}
