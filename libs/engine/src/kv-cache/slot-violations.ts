import type { SequenceSnapshot } from '../engine-snapshot.js';
import type { SlotCacheSnapshot } from '../ports/cache-snapshot.js';

interface PlacedSequence extends SequenceSnapshot {
  readonly slot: number;
}

/** What is wrong with slots, their memory and the store of prefixes. */
export function slotViolations(cache: SlotCacheSnapshot, sequences: readonly SequenceSnapshot[]): string[] {
  const slots = new Map(cache.places.map(({ admission, slot }) => [admission, slot]));
  const placed = sequences.map((sequence) => ({ ...sequence, slot: slots.get(sequence.admission) ?? -1 }));
  return [
    ...placeViolations(cache, placed),
    ...memoryViolations(cache, placed),
    ...cache.prefixBlocks
      .filter(({ block }) => block < 0 || block >= cache.blocks)
      .map(({ block }) => `block ${block} of ${cache.blocks} is in use`),
  ];
}

function placeViolations(
  { slots, takenSlots }: SlotCacheSnapshot,
  sequences: readonly PlacedSequence[],
): string[] {
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

function memoryViolations(
  { cacheTokens, residentTokens }: SlotCacheSnapshot,
  sequences: readonly PlacedSequence[],
): string[] {
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
