import type { LineHead } from '../line-heads.js';

/** A job that is overtaken may move up one class for each such time that it has waited. */
export const AGEING_STEP_MS = 30_000;

export interface Promotion {
  readonly jobId: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Which jobs move to a better class, so that none waits for ever under constant arrivals of better ones. A job is
 * overtaken where the next job of a better class has come later. It goes to the end of that class, and while it waits
 * there no other follows: arrivals of that class are delayed by one aged job at a time, whatever stands behind it.
 * Where nobody is overtaken, as in a backlog of one class, nothing moves.
 *
 * @param heads the next job of each class that has any
 * @param agedInClass how many aged jobs wait in each class
 */
export function planAgeing(
  heads: readonly LineHead[],
  agedInClass: readonly number[],
  nowMs: number,
): readonly Promotion[] {
  const taken = new Set<number>();
  const promotions: Promotion[] = [];
  for (const head of heads.toSorted((a, b) => a.queuedAtMs - b.queuedAtMs)) {
    const steps = Math.floor((nowMs - head.queuedAtMs) / AGEING_STEP_MS);
    const to = Math.max(1, head.priority - steps);
    const isOvertaken = heads.some(
      ({ line, queuedAtMs }) => line >= to && line < head.line && queuedAtMs > head.queuedAtMs,
    );
    if (!isOvertaken || taken.has(to) || (agedInClass[to] ?? 0) > 0) continue;
    taken.add(to);
    promotions.push({ jobId: head.jobId, from: head.line, to });
  }
  return promotions;
}
