import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { encodeFlightRecord, type FlightRecord } from '#observability';

/** Where a flight record is kept. */
export interface FlightFile {
  write(record: FlightRecord): void;
  /** Removes the record: nobody died. */
  remove(): void;
}

/** Only its owner may read it: it holds lock tokens. */
const OWNER_ONLY = 0o600;

/** @param path '' keeps no record. */
export function openFlightFile(path: string): FlightFile {
  if (path === '') return { write: () => undefined, remove: () => undefined };
  const descriptor = openSync(path, 'w', OWNER_ONLY);
  return {
    // Synchronous, so that the kernel has it before the step begins: it outlives the process, whatever ends that.
    write: (record) => void writeSync(descriptor, encodeFlightRecord(record), 0, undefined, 0),
    remove: () => {
      closeSync(descriptor);
      rmSync(path, { force: true });
    },
  };
}
