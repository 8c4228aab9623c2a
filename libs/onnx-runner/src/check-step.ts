import type { DecodeRow, ModelStep, PrefillChunk } from '#engine';

/** A step that can not be run as it stands. Names the slot, what was asked, and the bound. */
export class InvalidStepError extends Error {
  override readonly name = 'InvalidStepError';
}

export interface StepBounds {
  readonly slots: number;
  readonly contextTokens: number;
  readonly vocabSize: number;
  /** Tokens in the cache of each slot. */
  readonly lengths: readonly number[];
}

/**
 * @throws InvalidStepError
 */
export function checkStep(step: ModelStep, bounds: StepBounds): void {
  const seen = new Set<number>();
  for (const { slot } of [...step.decodes, ...step.prefills]) {
    requireSlot(slot, bounds.slots);
    if (seen.has(slot)) throw new InvalidStepError(`Slot ${slot} appears twice in one step.`);
    seen.add(slot);
  }
  for (const row of step.decodes) checkDecode(row, bounds);
  for (const chunk of step.prefills) checkPrefill(chunk, bounds);
}

/**
 * @throws InvalidStepError
 */
export function requireSlot(slot: number, slots: number): void {
  if (Number.isInteger(slot) && slot >= 0 && slot < slots) return;
  throw new InvalidStepError(`Slot ${slot} is not one of 0 to ${slots - 1}.`);
}

function checkDecode({ slot, tokenId, position }: DecodeRow, bounds: StepBounds): void {
  checkSpan(slot, position, 1, bounds);
  checkToken(slot, tokenId, bounds.vocabSize);
}

function checkPrefill(
  { slot, startPosition, tokenIds, logitPositions }: PrefillChunk,
  bounds: StepBounds,
): void {
  if (tokenIds.length === 0) throw new InvalidStepError(`The chunk of slot ${slot} has no tokens.`);
  if (!Number.isInteger(logitPositions) || logitPositions < 0 || logitPositions > tokenIds.length) {
    throw new InvalidStepError(
      `The chunk of slot ${slot} has ${tokenIds.length} tokens; logits of ${logitPositions} of them make no sense.`,
    );
  }
  checkSpan(slot, startPosition, tokenIds.length, bounds);
  for (const tokenId of tokenIds) checkToken(slot, tokenId, bounds.vocabSize);
}

/**
 * @throws InvalidStepError where `tokens` tokens from `start` on leave a gap in the slot or exceed it.
 */
export function checkSpan(
  slot: number,
  start: number,
  tokens: number,
  { contextTokens, lengths }: Pick<StepBounds, 'contextTokens' | 'lengths'>,
): void {
  const length = lengths[slot] ?? 0;
  if (!Number.isInteger(start) || start < 0 || start > length) {
    throw new InvalidStepError(
      `Position ${start} of slot ${slot} does not follow its cache, which holds ${length} tokens.`,
    );
  }
  if (start + tokens > contextTokens) {
    throw new InvalidStepError(
      `Slot ${slot} would hold ${start + tokens} tokens; the context is ${contextTokens} tokens.`,
    );
  }
}

function checkToken(slot: number, tokenId: number, vocabSize: number): void {
  if (Number.isInteger(tokenId) && tokenId >= 0 && tokenId < vocabSize) return;
  throw new InvalidStepError(`Token ${tokenId} for slot ${slot} is not one of 0 to ${vocabSize - 1}.`);
}
