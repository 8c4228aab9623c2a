import type { StepPlan } from './scheduling/plan-step.js';
import type { StepReport } from './sequence/generation-request.js';

type PlanCounts = Pick<StepReport, 'decodeRows' | 'prefillTokens' | 'generatedTokens'>;

/** What a plan that was carried out amounts to. */
export function countPlan({ decodeSlots, prefills }: StepPlan): PlanCounts {
  return {
    decodeRows: decodeSlots.length,
    prefillTokens: prefills.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
    generatedTokens: decodeSlots.length + prefills.filter(({ endsPrompt }) => endsPrompt).length,
  };
}
