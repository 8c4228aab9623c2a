/** How a process ended. */
export type ProcessExit =
  { readonly kind: 'code'; readonly code: number } | { readonly kind: 'signal'; readonly signal: string };

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delayMs: number; readonly failuresInARow: number }
  /** Trying again would end the same way. */
  | { readonly kind: 'give-up' };

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** A process that ran this long was sound: its next failure counts as the first. */
const SOUND_AFTER_MS = 60_000;
/** API and worker end with codes from here on for what a restart cannot mend: settings, files, memory, device. */
const FIRST_LASTING_CODE = 78;
const FIRST_SIGNAL_CODE = 128;

/**
 * What to do about a process that ended without being asked to.
 *
 * @param failuresInARow how often it had failed before, without a sound run in between
 */
export function decideRestart(exit: ProcessExit, uptimeMs: number, failuresInARow: number): RestartDecision {
  if (isLasting(exit)) return { kind: 'give-up' };
  const before = uptimeMs >= SOUND_AFTER_MS ? 0 : failuresInARow;
  const delayMs = Math.min(FIRST_DELAY_MS * 2 ** before, LONGEST_DELAY_MS);
  return { kind: 'restart', delayMs, failuresInARow: before + 1 };
}

/** A start-up error: the next run would end the same way. */
export function isLasting(exit: ProcessExit): boolean {
  return exit.kind === 'code' && exit.code >= FIRST_LASTING_CODE && exit.code < FIRST_SIGNAL_CODE;
}

/** `exit code 1`, `signal SIGKILL` */
export function describeExit(exit: ProcessExit): string {
  return exit.kind === 'code' ? `exit code ${exit.code}` : `signal ${exit.signal}`;
}
