import type { BlockCopy, PagedRow, PagedRunnerInfo, PagedStep } from '#engine';
import { InvalidStepError } from '../check-step.js';

/**
 * @throws InvalidStepError naming the row, what was asked, and the bound.
 */
export function checkPagedStep({ rows }: PagedStep, info: PagedRunnerInfo): void {
  if (rows.length === 0 || rows.length > info.sequences) {
    throw new InvalidStepError(`A step of ${rows.length} rows; it may have 1 to ${info.sequences}.`);
  }
  const tokens = rows.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
  if (tokens > info.stepTokens) {
    throw new InvalidStepError(`A step of ${tokens} tokens; it may have ${info.stepTokens}.`);
  }
  rows.forEach((row, index) => checkRow(row, index, info));
  checkWrites(rows, info.blockTokens);
}

/**
 * @throws InvalidStepError
 */
export function checkCopies(copies: readonly BlockCopy[], blocks: number): void {
  const written = new Set<number>();
  for (const { from, to } of copies) {
    requireBlock(from, blocks, 'A copy');
    requireBlock(to, blocks, 'A copy');
    if (written.has(to) || written.has(from)) {
      throw new InvalidStepError(`The copy of block ${from} to ${to} follows one that wrote one of them.`);
    }
    written.add(to);
  }
}

function checkRow(row: PagedRow, index: number, info: PagedRunnerInfo): void {
  const { tokenIds, startPosition, logitPositions, blocks } = row;
  if (tokenIds.length === 0) throw new InvalidStepError(`Row ${index} has no tokens.`);
  if (!Number.isInteger(logitPositions) || logitPositions < 0 || logitPositions > tokenIds.length) {
    throw new InvalidStepError(
      `Row ${index} has ${tokenIds.length} tokens; logits of ${logitPositions} of them make no sense.`,
    );
  }
  const end = startPosition + tokenIds.length;
  if (!Number.isInteger(startPosition) || startPosition < 0 || end > info.contextTokens) {
    throw new InvalidStepError(
      `Row ${index} runs from position ${startPosition} to ${end}; the context has ${info.contextTokens}.`,
    );
  }
  if (blocks.length * info.blockTokens < end) {
    throw new InvalidStepError(
      `Row ${index} has ${blocks.length} blocks of ${info.blockTokens} tokens; it needs them up to token ${end}.`,
    );
  }
  for (const block of blocks) requireBlock(block, info.blocks, `Row ${index}`);
  for (const tokenId of tokenIds) {
    if (tokenId < 0 || tokenId >= info.vocabSize) {
      throw new InvalidStepError(`Row ${index} has token ${tokenId}; the vocabulary has ${info.vocabSize}.`);
    }
  }
}

function checkWrites(rows: readonly PagedRow[], blockTokens: number): void {
  const writers = new Map<number, number>();
  for (const [index, { blocks, startPosition, tokenIds }] of rows.entries()) {
    const first = Math.floor(startPosition / blockTokens);
    const end = Math.ceil((startPosition + tokenIds.length) / blockTokens);
    for (const block of blocks.slice(first, end)) {
      const other = writers.get(block);
      if (other !== undefined) {
        throw new InvalidStepError(`Rows ${other} and ${index} both write to block ${block}.`);
      }
      writers.set(block, index);
    }
  }
}

function requireBlock(block: number, blocks: number, subject: string): void {
  if (Number.isInteger(block) && block >= 0 && block < blocks) return;
  throw new InvalidStepError(`${subject} names block ${block}; there are 0 to ${blocks - 1}.`);
}
