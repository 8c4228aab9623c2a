import type { GenerationRequest, GenerationResult } from './generation-request.js';
import type { Generation } from './generation.js';

/** The caller's end of a submitted request: where its result goes, and whether it is still wanted. */
export class Ticket {
  readonly generation: Generation;
  readonly promise: Promise<GenerationResult>;
  #aborted = false;
  #settle!: { resolve: (result: GenerationResult) => void; reject: (error: Error) => void };
  readonly #stopListening: () => void;

  /** `onAbort` is called once, when `signal` aborts before the ticket is settled. */
  constructor(generation: Generation, signal: AbortSignal | undefined, onAbort: (ticket: Ticket) => void) {
    this.generation = generation;
    this.promise = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    const listener = () => {
      this.abort();
      onAbort(this);
    };
    signal?.addEventListener('abort', listener, { once: true });
    this.#stopListening = () => signal?.removeEventListener('abort', listener);
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get request(): GenerationRequest {
    return this.generation.request;
  }

  abort(): void {
    this.#aborted = true;
  }

  /** Ends the request before it has a slot: with the text that was known. */
  resolveAborted(): void {
    this.resolve(this.generation.toResult('aborted'));
  }

  resolve(result: GenerationResult): void {
    this.#stopListening();
    this.#settle.resolve(result);
  }

  reject(error: Error): void {
    this.#stopListening();
    this.#settle.reject(error);
  }
}
