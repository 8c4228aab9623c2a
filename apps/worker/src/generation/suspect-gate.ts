interface Waiting {
  readonly alone: boolean;
  readonly enter: () => void;
}

/**
 * Lets attempts into the engine: innocents together, a suspect with nobody beside it. First come, first served, so that
 * neither kind waits for ever: once a suspect waits, nobody who came later passes it.
 */
export class SuspectGate {
  readonly #line: Waiting[] = [];
  #inside = 0;
  #suspectInside = false;

  /**
   * Runs `work` once it may enter.
   * @returns undefined where the signal came first: it has left the line, and `work` was not run.
   */
  async pass<T>(alone: boolean, signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    if (!(await this.#enter(alone, signal))) return undefined;
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  /** Resolves with whether it is inside; false where the signal came first. */
  #enter(alone: boolean, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const giveUp = () => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        this.#admit();
        resolve(false);
      };
      const waiting: Waiting = {
        alone,
        enter: () => {
          signal.removeEventListener('abort', giveUp);
          resolve(true);
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#line.push(waiting);
      this.#admit();
    });
  }

  #leave(): void {
    this.#inside -= 1;
    this.#suspectInside = false;
    this.#admit();
  }

  #admit(): void {
    for (let [next] = this.#line; next !== undefined && this.#hasRoomFor(next); [next] = this.#line) {
      this.#line.shift();
      this.#inside += 1;
      this.#suspectInside = next.alone;
      next.enter();
    }
  }

  #hasRoomFor({ alone }: Waiting): boolean {
    return this.#inside === 0 || !(alone || this.#suspectInside);
  }
}
