import type { EngineSnapshot, SequenceSnapshot } from './engine-snapshot.js';
import { blockViolations } from './kv-cache/block-violations.js';
import { prefixViolations } from './kv-cache/prefix-violations.js';
import { slotViolations } from './kv-cache/slot-violations.js';

/** Every rule that the snapshot breaks, in words; empty where the engine is sound. */
export function findViolations(snapshot: EngineSnapshot): string[] {
  const { sequences, preempted, contextTokens, cache } = snapshot;
  return [
    ...cacheViolations(snapshot),
    ...prefixViolations(cache.prefixBlocks),
    ...orderViolations(snapshot),
    ...[...sequences, ...preempted].flatMap((sequence) => tokenViolations(sequence, contextTokens)),
    ...preempted
      .filter(({ processedTokens }) => processedTokens > 0)
      .map(({ id }) => `${id} was preempted, but counts tokens in the cache`),
  ];
}

function cacheViolations({ cache, sequences }: EngineSnapshot): string[] {
  return cache.layout === 'slots' ? slotViolations(cache, sequences) : blockViolations(cache, sequences);
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
