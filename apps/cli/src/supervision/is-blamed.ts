import { readFileSync } from 'node:fs';
import { isLasting, type ProcessExit } from './restart-policy.js';

/** Signals by which people and systems end a process. */
const SIGNALS_FROM_OUTSIDE: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP']);
/** Exit codes of a worker that was asked to end: in order, and at once by a second signal. */
const ASKED_CODES: ReadonlySet<number> = new Set([0, 3]);

/**
 * Whether a worker died of what it was doing, and not of something from outside. Only the kernel's out-of-memory killer
 * tells a SIGKILL from within.
 */
export function isBlamed(exit: ProcessExit, outOfMemory: boolean): boolean {
  if (exit.kind === 'code') return !ASKED_CODES.has(exit.code) && !isLasting(exit);
  return exit.signal === 'SIGKILL' ? outOfMemory : !SIGNALS_FROM_OUTSIDE.has(exit.signal);
}

/** How often the kernel has killed for want of memory since it started; null where it does not say. */
export function readOomKills(path = '/proc/vmstat'): number | null {
  try {
    const found = /^oom_kill (\d+)$/m.exec(readFileSync(path, 'utf8'));
    return found === null ? null : Number(found[1]);
  } catch {
    return null;
  }
}
