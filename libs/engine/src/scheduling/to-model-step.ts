import type { ModelStep } from '../ports/model-runner.port.js';
import type { Sequence } from '../sequence/sequence.js';
import { plannedSlots, type StepPlan } from './plan-step.js';

/** Spells a plan out in tokens and positions. `sequenceIn` gives the sequence that holds a slot. */
export function toModelStep(plan: StepPlan, sequenceIn: (slot: number) => Sequence): ModelStep {
  return {
    decodes: plan.decodeSlots.map((slot) => {
      const sequence = sequenceIn(slot);
      return { slot, tokenId: sequence.nextTokenId, position: sequence.processedTokens };
    }),
    prefills: plan.prefills.map(({ slot, startPosition, tokenCount, needsLogits }) => ({
      slot,
      tokenIds: sequenceIn(slot).prefillTokenIds.subarray(startPosition, startPosition + tokenCount),
      startPosition,
      logitPositions: needsLogits ? 1 : 0,
    })),
    exact: plannedSlots(plan).some((slot) => sequenceIn(slot).request.deterministic),
  };
}
