import type { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#observability';

interface OpenedPart {
  readonly name: string;
  readonly close: () => Promise<unknown>;
  readonly timeoutMs: number;
}

/** Longest wait for a part that has nothing to finish. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Parts in the order they were opened; closing goes the other way. A part that fails or hangs is logged and left
 * behind, so that the rest still closes and the process ends in bounded time.
 */
export class GracefulDrain {
  private readonly opened: OpenedPart[] = [];
  private closing: Promise<void> | null = null;

  constructor(private readonly logger: Logger) {}

  /** Registers a part; one that opens while the drain runs is closed by it too. */
  onDrain(name: string, close: () => Promise<unknown>, timeoutMs = CLOSE_TIMEOUT_MS): void {
    this.opened.push({ name, close, timeoutMs });
  }

  /** Closes everything, last opened first. A second call waits for the first. */
  drain(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private async closeAll(): Promise<void> {
    for (let part = this.opened.pop(); part !== undefined; part = this.opened.pop()) {
      const { name, timeoutMs } = part;
      const done = new AbortController();
      const timedOut = sleep(timeoutMs, 'timed out', { signal: done.signal }).catch(() => undefined);
      try {
        const late = await Promise.race([part.close().then(() => undefined), timedOut]);
        if (late !== undefined) this.logger.warn({ part: name, timeoutMs }, 'part did not close in time');
      } catch (err) {
        this.logger.error({ err, part: name }, 'part failed to close');
      } finally {
        done.abort();
      }
    }
  }
}

export interface DrainSignalParts {
  readonly drain: () => Promise<void>;
  readonly exit: (outcome: 'drained' | 'forced') => void;
  readonly logger: Logger;
}

/** The first SIGTERM or SIGINT drains and exits, a second one exits at once. */
export function drainOnSignal(
  { drain, exit, logger }: DrainSignalParts,
  source: EventEmitter = process,
): void {
  let draining = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (draining) {
      logger.warn({ signal }, 'second signal, exiting at once; running jobs go to another worker');
      exit('forced');
      return;
    }
    draining = true;
    logger.info({ signal }, 'draining');
    void drain().then(() => exit('drained'));
  };
  source.on('SIGTERM', onSignal);
  source.on('SIGINT', onSignal);
}
