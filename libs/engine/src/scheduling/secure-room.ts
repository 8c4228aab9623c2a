import type { CacheManager } from '../ports/cache-manager.port.js';
import type { Sequence } from '../sequence/sequence.js';
import type { StepPlan } from './plan-step.js';
import type { SequenceTable } from './sequence-table.js';

/** An advance that needs room for the first `tokens` tokens of its sequence. */
interface Advance {
  readonly sequence: Sequence;
  readonly tokens: number;
}

/**
 * The part of a plan that has room in the cache. Where memory runs short the oldest sequence goes first and the
 * youngest gives way: it goes back to the head of the line. So the oldest always moves on, and one without room that
 * nobody younger could give waits with what it has.
 */
export function secureRoom(
  plan: StepPlan<Sequence>,
  table: SequenceTable,
  cache: CacheManager,
): StepPlan<Sequence> {
  const advances = advancesOf(plan);
  if (advances.every(({ sequence, tokens }) => cache.reserve(sequence, tokens) === 'granted')) return plan;
  const secured = new Set<Sequence>();
  for (const { sequence, tokens } of advances.toSorted(
    (a, b) => a.sequence.admission - b.sequence.admission,
  )) {
    if (table.isRunning(sequence) && makeRoom(sequence, tokens, table, cache)) secured.add(sequence);
  }
  return {
    decodes: plan.decodes.filter((sequence) => secured.has(sequence)),
    chunks: plan.chunks.filter(({ sequence }) => secured.has(sequence)),
    drafts: plan.drafts.filter(({ sequence }) => secured.has(sequence)),
  };
}

function makeRoom(sequence: Sequence, tokens: number, table: SequenceTable, cache: CacheManager): boolean {
  while (cache.reserve(sequence, tokens) !== 'granted') {
    if (!table.preemptYoungerThan(sequence)) return false;
  }
  return true;
}

function advancesOf({ decodes, chunks, drafts }: StepPlan<Sequence>): Advance[] {
  return [
    ...decodes.map((sequence) => ({ sequence, tokens: sequence.processedTokens + 1 })),
    ...chunks.map(({ sequence, tokenCount }) => ({
      sequence,
      tokens: sequence.processedTokens + tokenCount,
    })),
    ...drafts.map(({ sequence, tokenIds }) => ({
      sequence,
      tokens: sequence.processedTokens + 1 + tokenIds.length,
    })),
  ];
}
