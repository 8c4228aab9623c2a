/** How the user ends a command: the first signal asks it to finish in order, a second one to end at once. */
export interface Interrupts {
  readonly drain: AbortSignal;
  readonly force: AbortSignal;
}

/** Exit code of a command that was forced to end: 128 + SIGINT. */
export const FORCED_EXIT_CODE = 130;

export function watchInterrupts(): Interrupts {
  const drain = new AbortController();
  const force = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    const reason = new Error(`stopped by ${signal}`);
    (drain.signal.aborted ? force : drain).abort(reason);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return { drain: drain.signal, force: force.signal };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
