/** What steps have been seen to cost; null until a step has shown it. */
export interface StepCosts {
  /** Milliseconds of a step that only decodes. */
  readonly decodeStepMs: number | null;
  /** Milliseconds that one prompt token adds to a step. */
  readonly promptTokenMs: number | null;
}

export interface ObservedStep {
  readonly decodeRows: number;
  readonly prefillTokens: number;
  readonly modelMs: number;
}

export const UNKNOWN_COSTS: StepCosts = { decodeStepMs: null, promptTokenMs: null };

/** How many times the time of a decode step prompt tokens may add to it. */
const STALL_FACTOR = 4;
/** Weight of the newest step in the averages. */
const NEWEST = 0.2;

export function learnCosts(
  costs: StepCosts,
  { decodeRows, prefillTokens, modelMs }: ObservedStep,
): StepCosts {
  const { decodeStepMs, promptTokenMs } = costs;
  if (prefillTokens === 0) {
    if (decodeRows === 0) return costs;
    return { decodeStepMs: average(decodeStepMs, modelMs), promptTokenMs };
  }
  const decodeMs = decodeRows === 0 ? 0 : (decodeStepMs ?? 0);
  const tokenMs = Math.max(0, modelMs - decodeMs) / prefillTokens;
  return { decodeStepMs, promptTokenMs: average(promptTokenMs, tokenMs) };
}

/**
 * Prompt tokens for the next step. Beside running texts as many as hold them up by a few of their own steps, where that
 * is known; otherwise `most`. Results do not depend on it: it only moves the even positions at which prompts are cut.
 */
export function prefillBudget(
  { decodeStepMs, promptTokenMs }: StepCosts,
  {
    least,
    most,
    hasDecodes,
  }: { readonly least: number; readonly most: number; readonly hasDecodes: boolean },
): number {
  if (!hasDecodes || decodeStepMs === null || !promptTokenMs) return most;
  const tokens = Math.floor((STALL_FACTOR * decodeStepMs) / promptTokenMs);
  return Math.min(most, Math.max(least, tokens));
}

function average(known: number | null, newest: number): number {
  return known === null ? newest : known + NEWEST * (newest - known);
}
