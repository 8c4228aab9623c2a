import type { JobInput } from './job-input.schema.js';

/**
 * Whether a job's text is a function of its request alone on its variant: asked for, or implied by a `seed`. A greedy
 * text is not by itself; what runs beside it may change its last bits.
 */
export function isDeterministic({ deterministic, seed }: JobInput): boolean {
  return deterministic ?? seed !== undefined;
}
