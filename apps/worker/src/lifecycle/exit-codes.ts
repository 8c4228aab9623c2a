/** Exit codes of the worker process. From `settings` on, a restart would end the same way. */
export const EXIT_CODES = {
  drained: 0,
  /** An error nobody foresaw; the log has it. */
  unexpected: 1,
  /** A second signal came during the drain. */
  forced: 3,
  /** The model failed one job after another; another start may mend that. */
  unsound: 4,
  /** Other workers hold every GPU; one may be free at another start. */
  devicesHeld: 75,
  settings: 78,
  variantMissing: 80,
  variantDamaged: 81,
  contextTooLong: 82,
  memoryTooSmall: 83,
  device: 84,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The worker cannot start; the message says what is wrong and what to do next. */
export class StartupError extends Error {
  override readonly name = 'StartupError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}
