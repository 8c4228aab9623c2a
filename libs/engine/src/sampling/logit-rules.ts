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

function at(logits: Float32Array, id: number): number {
  return logits[id] ?? -Infinity;
}
