import type { StepPlan } from './scheduling/plan-step.js';
import type { StepReport } from './sequence/generation-request.js';

type StepCounts = Pick<
  StepReport,
  'decodeRows' | 'prefillTokens' | 'generatedTokens' | 'replayedTokens' | 'replayedRows'
>;

/** A sequence as it was when the step was planned. */
interface PlannedSequence {
  readonly promptTokens: number;
  readonly resumedTokens: number;
  readonly knownTokens: number;
  readonly processedTokens: number;
}

/** What carrying out a plan amounts to; to be asked before its step is committed. */
export function countStep(plan: StepPlan, sequenceIn: (slot: number) => PlannedSequence): StepCounts {
  let [prefillTokens, generatedTokens, replayedRows, replayedInChunks] = [0, 0, 0, 0];
  for (const slot of plan.decodeSlots) {
    const sequence = sequenceIn(slot);
    replayedRows += replayedTokensOf(sequence, 1);
    if (sequence.processedTokens + 1 === sequence.knownTokens) generatedTokens += 1;
  }
  for (const { slot, tokenCount, needsLogits } of plan.prefills) {
    prefillTokens += tokenCount;
    replayedInChunks += replayedTokensOf(sequenceIn(slot), tokenCount);
    if (needsLogits) generatedTokens += 1;
  }
  const replayedTokens = replayedRows + replayedInChunks;
  return {
    decodeRows: plan.decodeSlots.length,
    prefillTokens,
    generatedTokens,
    replayedTokens,
    replayedRows,
  };
}

/** Resumed tokens among the next `tokenCount` ones. */
function replayedTokensOf(sequence: PlannedSequence, tokenCount: number): number {
  const { promptTokens, resumedTokens, processedTokens } = sequence;
  const end = Math.min(processedTokens + tokenCount, promptTokens + resumedTokens);
  return Math.max(0, end - Math.max(processedTokens, promptTokens));
}
