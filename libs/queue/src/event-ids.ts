/**
 * Ids of a job's events are `<attempt>-<n>`; Redis refuses one that is not greater than the last. The greatest two n
 * close an attempt: given back to the queue, and the job's end. Text has smaller ones, so what a closed attempt
 * still sends is refused by Redis itself.
 */
export const REQUEUED_N = '999999999999998';
export const DONE_N = '999999999999999';

/** True for the id of the event that ends a job's stream. */
export function isDoneEventId(id: string): boolean {
  return id.endsWith(`-${DONE_N}`);
}
