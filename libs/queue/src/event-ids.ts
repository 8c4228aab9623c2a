/**
 * Ids of a job's events are `<attempt>-<n>`; Redis refuses one that is not greater than the last. Text has small n, so
 * what a closed attempt still sends is refused. Greater n close an attempt: `REQUEUED_N` gives it back to the queue,
 * `DONE_N + 2r` ends run r of the job, and `DONE_N + 2r - 1` opens run r, which the client's rth retry asked for. So ids
 * ascend for ever, over retries too, and every one of them is an exact double in Lua.
 */
export const DONE_N = 999_999_999_999_999;
export const REQUEUED_N = DONE_N - 1;

/** True for the id of the event that ends a run of a job. */
export function isDoneEventId(id: string): boolean {
  const n = Number(id.slice(id.indexOf('-') + 1));
  return n >= DONE_N && (n - DONE_N) % 2 === 0;
}
