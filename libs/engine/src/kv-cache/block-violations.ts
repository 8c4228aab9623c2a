import type { SequenceSnapshot } from '../engine-snapshot.js';
import type { BlockCacheSnapshot } from '../ports/cache-snapshot.js';

/** What is wrong with the pool of blocks and the tables of sequences. */
export function blockViolations(cache: BlockCacheSnapshot, sequences: readonly SequenceSnapshot[]): string[] {
  return [...stateViolations(cache), ...tableViolations(cache, sequences)];
}

/** Each block is in exactly one state: free, held or cached. */
function stateViolations({
  blocks,
  tables,
  references,
  free,
  cached,
  prefixBlocks,
}: BlockCacheSnapshot): string[] {
  const held = tables.flatMap(({ blocks: own, copySource }) =>
    copySource === null ? own : [...own, copySource],
  );
  const known = new Set(prefixBlocks.map(({ block }) => block));
  const heldTimes = countEach(held);
  const freeTimes = countEach(free);
  const cachedTimes = countEach(cached);
  const violations: string[] = [];
  for (let block = 0; block < blocks; block++) {
    const holders = heldTimes.get(block) ?? 0;
    if (holders !== references[block]) {
      violations.push(`block ${block} counts ${references[block]} holders, not ${holders}`);
    }
    const states = [
      ...(holders > 0 ? ['held'] : []),
      ...Array.from({ length: freeTimes.get(block) ?? 0 }, () => 'free'),
      ...Array.from({ length: cachedTimes.get(block) ?? 0 }, () => 'cached'),
    ];
    if (states.length !== 1) violations.push(`block ${block} is ${states.join(' and ') || 'lost'}`);
    if (states[0] === 'free' && known.has(block)) violations.push(`block ${block} is free, but known`);
    if (states[0] === 'cached' && !known.has(block)) {
      violations.push(`block ${block} is cached, but what it holds is not known`);
    }
  }
  return violations;
}

function tableViolations(
  { blocks, blockTokens, tables }: BlockCacheSnapshot,
  sequences: readonly SequenceSnapshot[],
): string[] {
  const violations: string[] = [];
  const waiting = new Map(tables.map((table) => [table.admission, table]));
  for (const { id, admission, processedTokens } of sequences) {
    const table = waiting.get(admission);
    waiting.delete(admission);
    const covered = (table?.blocks.length ?? 0) * blockTokens;
    if (table === undefined) violations.push(`${id} has no table`);
    else if (covered < processedTokens) {
      violations.push(`${id} has ${processedTokens} tokens in blocks for ${covered}`);
    }
    if (new Set(table?.blocks).size !== (table?.blocks.length ?? 0))
      violations.push(`${id} has a block twice`);
    for (const block of table?.blocks ?? []) {
      if (block < 0 || block >= blocks) violations.push(`${id} holds block ${block} of ${blocks}`);
    }
  }
  return [...violations, ...[...waiting.keys()].map((admission) => `a table of ${admission}, who left`)];
}

function countEach(values: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
