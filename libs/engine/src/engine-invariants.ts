import type { CacheSnapshot } from './ports/cache-snapshot.js';

/** A look at an engine between two steps. */
export interface EngineSnapshot {
  readonly contextTokens: number;
  readonly cache: CacheSnapshot;
  /** Those that have a place in the cache. */
  readonly sequences: readonly PlacedSequence[];
  /** Those that have lost theirs and wait to run again. */
  readonly preempted: readonly SequenceSnapshot[];
}

export interface SequenceSnapshot {
  readonly id: string;
  /** Rank by arrival. */
  readonly admission: number;
  readonly promptTokens: number;
  readonly processedTokens: number;
  /** Tokens that were known when it last began to run: no new one is sampled before they have run. */
  readonly replayEnd: number;
  readonly generatedTokens: number;
  readonly maxTokens: number;
}

interface PlacedSequence extends SequenceSnapshot {
  readonly slot: number;
}

/** Every rule that the snapshot breaks, in words; empty where the engine is sound. */
export function findViolations(snapshot: EngineSnapshot): string[] {
  const { sequences, preempted, contextTokens, cache } = snapshot;
  return [
    ...slotViolations(snapshot),
    ...memoryViolations(snapshot),
    ...prefixViolations(cache),
    ...orderViolations(snapshot),
    ...[...sequences, ...preempted].flatMap((sequence) => tokenViolations(sequence, contextTokens)),
    ...preempted
      .filter(({ processedTokens }) => processedTokens > 0)
      .map(({ id }) => `${id} was preempted, but counts tokens in the cache`),
  ];
}

function slotViolations({ cache: { slots, takenSlots }, sequences }: EngineSnapshot): string[] {
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

function memoryViolations({ cache: { cacheTokens, residentTokens }, sequences }: EngineSnapshot): string[] {
  const total = residentTokens.reduce((sum, tokens) => sum + tokens, 0);
  const violations = total > cacheTokens ? [`${total} tokens are in memory for ${cacheTokens}`] : [];
  for (const { id, slot, processedTokens } of sequences) {
    const resident = residentTokens[slot] ?? 0;
    if (processedTokens > resident) {
      violations.push(`${id} has ${processedTokens} tokens in slot ${slot}, which counts ${resident}`);
    }
  }
  return violations;
}

function prefixViolations({ blocks, prefixBlocks }: CacheSnapshot): string[] {
  const byBlock = new Map(prefixBlocks.map((entry) => [entry.block, entry]));
  const violations = byBlock.size < prefixBlocks.length ? ['a block of the store holds two texts'] : [];
  for (const { block, parentBlock, isPure } of prefixBlocks) {
    if (block < 0 || block >= blocks) violations.push(`block ${block} of ${blocks} is in use`);
    if (parentBlock === null) continue;
    const parent = byBlock.get(parentBlock);
    if (parent === undefined) violations.push(`block ${block} follows ${parentBlock}, which is not in use`);
    else if (isPure && !parent.isPure) violations.push(`block ${block} is pure, but follows one that is not`);
  }
  return violations;
}

/** Who came first runs first. */
function orderViolations({ sequences, preempted }: EngineSnapshot): string[] {
  const ranked = [...sequences, ...preempted];
  return ranked.slice(1).flatMap(({ id, admission }, index) => {
    const before = ranked[index]!;
    return before.admission < admission ? [] : [`${before.id} comes before ${id}, which is older`];
  });
}

function tokenViolations(sequence: SequenceSnapshot, contextTokens: number): string[] {
  const { id, promptTokens, processedTokens, replayEnd, generatedTokens, maxTokens } = sequence;
  const known = promptTokens + generatedTokens;
  const violations: string[] = [];
  if (known > contextTokens) violations.push(`${id} exceeds the context`);
  if (generatedTokens > maxTokens) violations.push(`${id} has ${generatedTokens} of ${maxTokens} tokens`);
  if (processedTokens >= known) violations.push(`${id} has run all it knows, but has no next token`);
  // A token is sampled once all before it were run, and is itself run by the next step.
  if (known > replayEnd && processedTokens < known - 1) {
    violations.push(`${id} has ${processedTokens} tokens in the cache, not ${known - 1}`);
  }
  return violations;
}
