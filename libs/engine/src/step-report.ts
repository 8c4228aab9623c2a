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
  const rows = plan.decodeSlots.map(sequenceIn);
  const replayedRows = rows.filter((sequence) => replayedTokensOf(sequence, 1) === 1).length;
  const sampledRows = rows.filter(({ processedTokens, knownTokens }) => processedTokens + 1 === knownTokens);
  return {
    decodeRows: rows.length,
    prefillTokens: sum(plan.prefills.map(({ tokenCount }) => tokenCount)),
    generatedTokens: sampledRows.length + plan.prefills.filter(({ needsLogits }) => needsLogits).length,
    replayedTokens:
      replayedRows +
      sum(plan.prefills.map(({ slot, tokenCount }) => replayedTokensOf(sequenceIn(slot), tokenCount))),
    replayedRows,
  };
}

/** Resumed tokens among the next `tokenCount` ones. */
function replayedTokensOf(sequence: PlannedSequence, tokenCount: number): number {
  const { promptTokens, resumedTokens, processedTokens } = sequence;
  const end = Math.min(processedTokens + tokenCount, promptTokens + resumedTokens);
  return Math.max(0, end - Math.max(processedTokens, promptTokens));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
