import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeFlightRecord, type FlightRecord } from '#observability';
import { reportWorkerDeath, type WorkerDeathReport } from '#queue';
import { isBlamed, readOomKills } from './is-blamed.js';
import type { ProcessExit } from './restart-policy.js';

export interface WitnessedWorker {
  readonly redisUrl: string;
  readonly model: string;
  readonly variant: string;
}

/** Waits before each try to file a report. Later, its jobs have been taken over without it. */
const FILING_DELAYS_MS = [0, 500, 1_000, 2_000, 4_000];

/**
 * Sees how each run of a worker ends, and files with Redis what it died of and which jobs it held: they are free for
 * other workers at once, and those of its last step are known to be suspect.
 */
export class DeathWitness {
  readonly #folder = mkdtempSync(join(tmpdir(), 'drover-flight-'));
  readonly #path = join(this.#folder, 'record.json');
  readonly #closing = new AbortController();
  readonly #filings = new Set<Promise<void>>();
  #oomKillsBefore: number | null = null;

  /** @param tell hears what was filed, in words. */
  constructor(
    private readonly worker: WitnessedWorker,
    private readonly tell: (line: string) => void,
  ) {}

  /** What the worker must be told. */
  get env(): Readonly<Record<string, string>> {
    return { DROVER_FLIGHT_RECORD: this.#path };
  }

  runBegins(): void {
    rmSync(this.#path, { force: true });
    this.#oomKillsBefore = readOomKills();
  }

  /** Reads at once what the worker left behind, and files it while the next run may begin. */
  runEnded(exit: ProcessExit): void {
    const record = this.#readRecord();
    if (record === null || record.held.length === 0) return;
    const outOfMemory = this.#oomKillsBefore !== null && (readOomKills() ?? 0) > this.#oomKillsBefore;
    const filing = this.#file(deathReportOf(this.worker, record, exit, outOfMemory, Date.now()));
    this.#filings.add(filing);
    void filing.finally(() => this.#filings.delete(filing));
  }

  /** Tries no report again; resolves once those under way are filed or given up. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#filings);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Null where it ended in order, or before it held anything. */
  #readRecord(): FlightRecord | null {
    try {
      return decodeFlightRecord(readFileSync(this.#path));
    } catch {
      return null;
    }
  }

  async #file(report: WorkerDeathReport): Promise<void> {
    let reason: unknown;
    for (const delayMs of FILING_DELAYS_MS) {
      try {
        if (delayMs > 0) await sleep(delayMs, undefined, { signal: this.#closing.signal });
        const noted = await reportWorkerDeath(this.worker.redisUrl, report);
        return this.tell(`${describeDeath(report)}; ${noted.length} of them go to another worker at once`);
      } catch (error) {
        reason ??= error;
      }
    }
    this.tell(`${describeDeath(report)}, which Redis could not be told (${String(reason)})`);
  }
}

/** What a supervisor says of a dead worker, by the last thing that the worker said itself. */
function deathReportOf(
  { model, variant }: WitnessedWorker,
  { workerId, phase, jobsInStep, held, rssBytes }: FlightRecord,
  exit: ProcessExit,
  outOfMemory: boolean,
  atMs: number,
): WorkerDeathReport {
  return {
    workerId,
    model,
    variant,
    atMs,
    signal: exit.kind === 'signal' ? exit.signal : null,
    exitCode: exit.kind === 'code' ? exit.code : null,
    memoryBytes: rssBytes,
    lastStep: phase,
    blamed: isBlamed(exit, outOfMemory),
    jobsInStep,
    jobsHeld: held,
  };
}

function describeDeath({ blamed, lastStep, jobsInStep, jobsHeld }: WorkerDeathReport): string {
  const cause = blamed
    ? `died in a step (${lastStep}) of ${jobsInStep.length} jobs`
    : 'was ended from outside';
  return `the worker ${cause} and held ${jobsHeld.length}`;
}
