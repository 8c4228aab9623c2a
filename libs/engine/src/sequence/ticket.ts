import type { GenerationRequest, GenerationResult } from './generation-request.js';

/** The caller's end of a submitted request: where its result goes, and whether it is still wanted. */
export class Ticket {
  readonly request: GenerationRequest;
  readonly promise: Promise<GenerationResult>;
  #aborted = false;
  #settle!: { resolve: (result: GenerationResult) => void; reject: (error: Error) => void };
  readonly #stopListening: () => void;

  /** `onAbort` is called once, when `signal` aborts before the ticket is settled. */
  constructor(
    request: GenerationRequest,
    signal: AbortSignal | undefined,
    onAbort: (ticket: Ticket) => void,
  ) {
    this.request = request;
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

  abort(): void {
    this.#aborted = true;
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

/** Result of a request that was aborted before it had a slot. */
export function abortedResult(request: GenerationRequest): GenerationResult {
  return {
    text: '',
    tokenIds: [],
    finish: 'aborted',
    promptTokenCount: request.promptTokenIds.length,
    cachedTokenCount: 0,
    timeToFirstTokenMs: null,
    prefillMs: 0,
    decodeMs: 0,
  };
}
