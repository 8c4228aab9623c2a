import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * A file that holds at most `maxBytes`; the one before it is kept beside it as `<path>.1`. Each start begins a new
 * file.
 */
export class LogFile {
  #descriptor: number;
  #bytes = 0;

  constructor(
    readonly path: string,
    private readonly maxBytes = MAX_BYTES,
  ) {
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = this.#open();
  }

  /** Synchronous: what a dying process said last is in the file before its end is noticed. */
  write(chunk: Uint8Array): void {
    if (this.#bytes > 0 && this.#bytes + chunk.length > this.maxBytes) {
      closeSync(this.#descriptor);
      this.#descriptor = this.#open();
    }
    writeSync(this.#descriptor, chunk);
    this.#bytes += chunk.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #open(): number {
    if (existsSync(this.path)) renameSync(this.path, `${this.path}.1`);
    this.#bytes = 0;
    return openSync(this.path, 'w');
  }
}
