import { z } from 'zod';

/** Longest time that one request may be held open for a job to end. */
const MAX_WAIT_S = 300;

export const waitQuery = {
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_WAIT_S)
    .optional()
    .describe('Hold the answer until the job has ended, this many seconds at most.'),
};

export interface WaitPreference {
  readonly seconds: number;
  /** The caller asked by `Prefer`, so an answer that honours it says so by `Preference-Applied`. */
  readonly byHeader: boolean;
}

/**
 * How long the caller wants to wait: `?wait=n`, else `Prefer: wait=n` (RFC 7240). A preference that
 * cannot be read is ignored and one over the bound is cut to it, as the RFC asks.
 */
export function waitPreferenceOf(queryWait: number | undefined, prefer: string | undefined): WaitPreference {
  if (queryWait !== undefined) return { seconds: queryWait, byHeader: false };
  const wanted = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,9})"?(?=$|[,;\s])/i.exec(prefer ?? '')?.[1];
  if (wanted === undefined) return { seconds: 0, byHeader: false };
  return { seconds: Math.min(Number(wanted), MAX_WAIT_S), byHeader: true };
}
