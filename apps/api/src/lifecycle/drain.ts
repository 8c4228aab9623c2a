import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { ApiSettings } from '#config';
import { SETTINGS } from '../backend/tokens.js';

/**
 * Shutdown in order: readiness turns 503 and new jobs are refused, event streams and waits end with
 * what they have (both can be resumed elsewhere), open requests are answered, and only then does the
 * server stop listening and let go of Redis.
 */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  readonly #begun = new AbortController();
  readonly #timeoutMs: number;
  #openRequests = 0;
  #onIdle: (() => void) | undefined;

  constructor(@Inject(SETTINGS) settings: ApiSettings) {
    this.#timeoutMs = settings.DROVER_DRAIN_S * 1_000;
  }

  get begun(): boolean {
    return this.#begun.signal.aborted;
  }

  /** Aborts when the drain begins; whatever holds a request open listens to it. */
  get signal(): AbortSignal {
    return this.#begun.signal;
  }

  requestStarted(): void {
    this.#openRequests += 1;
  }

  requestEnded(): void {
    this.#openRequests -= 1;
    if (this.#openRequests === 0) this.#onIdle?.();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#begun.abort();
    if (this.#openRequests === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#timeoutMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
