import type { PrefixBlockSnapshot } from '../ports/cache-snapshot.js';

/** What is wrong with the blocks that are known to hold texts. */
export function prefixViolations(prefixBlocks: readonly PrefixBlockSnapshot[]): string[] {
  const byBlock = new Map(prefixBlocks.map((entry) => [entry.block, entry]));
  const violations = byBlock.size < prefixBlocks.length ? ['a block holds two texts'] : [];
  for (const { block, parentBlock, isPure } of prefixBlocks) {
    if (parentBlock === null) continue;
    const parent = byBlock.get(parentBlock);
    if (parent === undefined) violations.push(`block ${block} follows ${parentBlock}, which is not in use`);
    else if (isPure && !parent.isPure) violations.push(`block ${block} is pure, but follows one that is not`);
  }
  return violations;
}
