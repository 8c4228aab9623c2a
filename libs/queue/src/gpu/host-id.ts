import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** One id of this run of the kernel, which containers share and another host never has. */
const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';

/** The same for all processes on this host, in containers or not. */
export function hostId(): string {
  try {
    return readFileSync(BOOT_ID_FILE, 'utf8').trim();
  } catch {
    return hostname();
  }
}
