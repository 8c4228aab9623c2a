/** What a worker was about to do when it was last heard of. */
export type FlightPhase = 'load' | 'compile' | 'prefill' | 'decode' | 'mixed' | 'idle';

/** An attempt that a worker holds, whether it runs or waits. */
export interface HeldAttempt {
  readonly jobId: string;
  readonly attempt: number;
  readonly lockToken: string;
}

/**
 * The last thing a worker says before it does what may end its process: a small file, written over in place, that its
 * supervisor reads once the process is gone.
 */
export interface FlightRecord {
  readonly workerId: string;
  readonly phase: FlightPhase;
  /** Ids of the jobs that the phase works on. */
  readonly jobsInStep: readonly string[];
  readonly held: readonly HeldAttempt[];
  /** Resident memory, at most 100 ms old. */
  readonly rssBytes: number;
  /** Unix milliseconds. */
  readonly atMs: number;
}

const LENGTH_DIGITS = 8;

/**
 * `<bytes of JSON, 8 digits> <JSON>\n`: a shorter record leaves the tail of a longer one behind in the file, and the
 * length says where to stop.
 */
export function encodeFlightRecord(record: FlightRecord): Buffer {
  const json = JSON.stringify(record);
  const length = String(Buffer.byteLength(json)).padStart(LENGTH_DIGITS, '0');
  return Buffer.from(`${length} ${json}\n`);
}

/** Null for a record that was never completed. */
export function decodeFlightRecord(bytes: Buffer): FlightRecord | null {
  const start = LENGTH_DIGITS + 1;
  const length = Number(bytes.toString('latin1', 0, LENGTH_DIGITS));
  if (!Number.isInteger(length) || bytes.length < start + length) return null;
  try {
    const record: FlightRecord = JSON.parse(bytes.toString('utf8', start, start + length));
    return record;
  } catch {
    return null;
  }
}
