/**
 * Why an attempt must stop. `cancelled`: the client asked; the attempt still holds the job and finishes it.
 * `lost`: another attempt may hold the job; nothing more can be written. `shutdown`: the job was handed back.
 */
export type AbortKind = 'cancelled' | 'lost' | 'shutdown';

const MESSAGES: Record<AbortKind, string> = {
  cancelled: 'The job was cancelled by its client.',
  lost: 'The attempt lost its job: its lock could not be renewed in time.',
  shutdown: 'The worker shuts down; the job was handed back to the queue.',
};

/** Reason of an attempt's abort signal. */
export class AttemptAborted extends Error {
  override readonly name = 'AttemptAborted';

  constructor(readonly kind: AbortKind) {
    super(MESSAGES[kind]);
  }
}
