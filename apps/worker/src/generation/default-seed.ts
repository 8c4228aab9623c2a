import { createHash } from 'node:crypto';

/**
 * Seed of a job that brings none: a pure function of its id, 48 bits wide. Two jobs differ, and a job that is run
 * again after its worker died gives the text its first attempt had begun.
 */
export function defaultSeedOf(jobId: string): number {
  return createHash('sha256').update(jobId).digest().readUIntBE(0, 6);
}
