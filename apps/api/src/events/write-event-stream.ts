import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { JobEvent } from '#contracts';
import { encodeEvent, KEEP_ALIVE_FRAME } from './encode-event.js';

export interface EventStreamOptions {
  /** Ends the stream; the reader comes back with the last id it saw. */
  readonly signal: AbortSignal;
  readonly keepAliveMs: number;
  /** Longest wait for a reader that takes nothing; its connection is closed then. */
  readonly stalledReaderMs: number;
}

/**
 * Writes events as they come. Holds at most one event beyond what the socket buffers: while a slow
 * reader's buffer is full nothing more is read, and a reader that stays stuck is dropped, to resume
 * from Redis by the last id it has.
 */
export async function writeEventStream(
  response: ServerResponse,
  events: AsyncIterable<JobEvent>,
  { signal, keepAliveMs, stalledReaderMs }: EventStreamOptions,
): Promise<'complete' | 'left' | 'stalled'> {
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(KEEP_ALIVE_FRAME);
  }, keepAliveMs);
  try {
    for await (const event of events) {
      if (signal.aborted) return 'left';
      if (response.write(encodeEvent(event))) continue;
      if (!(await drained(response, AbortSignal.any([signal, AbortSignal.timeout(stalledReaderMs)])))) {
        return signal.aborted ? 'left' : 'stalled';
      }
    }
    return signal.aborted ? 'left' : 'complete';
  } finally {
    clearInterval(keepAlive);
  }
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<boolean> {
  try {
    await once(response, 'drain', { signal });
    return true;
  } catch {
    return false;
  }
}
