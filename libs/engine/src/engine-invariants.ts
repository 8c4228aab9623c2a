/** A look at an engine between two steps. */
export interface EngineSnapshot {
  readonly contextTokens: number;
  readonly slots: number;
  readonly takenSlots: readonly number[];
  readonly sequences: readonly SequenceSnapshot[];
}

export interface SequenceSnapshot {
  readonly id: string;
  readonly slot: number;
  readonly promptTokens: number;
  readonly processedTokens: number;
  /** Of the generated ones, those that were known from an earlier run. */
  readonly resumedTokens: number;
  readonly generatedTokens: number;
  readonly maxTokens: number;
}

/** Every rule that the snapshot breaks, in words; empty where the engine is sound. */
export function findViolations(snapshot: EngineSnapshot): string[] {
  return [...slotViolations(snapshot), ...snapshot.sequences.flatMap((s) => tokenViolations(s, snapshot))];
}

function slotViolations({ slots, takenSlots, sequences }: EngineSnapshot): string[] {
  const holders = new Map<number, string>();
  const violations: string[] = [];
  for (const { id, slot } of sequences) {
    const other = holders.get(slot);
    if (other !== undefined) violations.push(`slot ${slot} is held by ${other} and by ${id}`);
    if (slot < 0 || slot >= slots) violations.push(`${id} holds slot ${slot} of ${slots}`);
    if (!takenSlots.includes(slot)) violations.push(`${id} holds slot ${slot}, which counts as free`);
    holders.set(slot, id);
  }
  for (const slot of takenSlots) {
    if (!holders.has(slot)) violations.push(`slot ${slot} counts as taken, but no sequence holds it`);
  }
  return violations;
}

function tokenViolations(sequence: SequenceSnapshot, { contextTokens }: EngineSnapshot): string[] {
  const { id, promptTokens, processedTokens, resumedTokens, generatedTokens, maxTokens } = sequence;
  const known = promptTokens + generatedTokens;
  const violations: string[] = [];
  if (known > contextTokens) violations.push(`${id} exceeds the context`);
  if (generatedTokens > maxTokens) violations.push(`${id} has ${generatedTokens} of ${maxTokens} tokens`);
  if (processedTokens >= known) violations.push(`${id} has run all it knows, but has no next token`);
  // A token is sampled once all before it were run, and is itself run by the next step.
  if (generatedTokens > resumedTokens && processedTokens < known - 1) {
    violations.push(`${id} has ${processedTokens} tokens in the cache, not ${known - 1}`);
  }
  return violations;
}
