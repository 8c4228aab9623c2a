interface Held {
  readonly worker: string;
  readonly attempt: number;
}

interface AttemptLine {
  readonly msg: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly atMs: number;
}

/** What workers log of an attempt's beginning and of its own end. */
const STARTED = 'attempt started';
const ENDED = 'job finished';

/** Learns from the workers' logs which jobs each of them holds, and how long a fault kept those from running. */
export class RecoveryWatch {
  readonly #held = new Map<string, Held>();
  /** Jobs whose worker has a fault, since when. */
  readonly #waiting = new Map<string, number>();
  /** From a worker's fault to the start of the next attempt of each job it held, in milliseconds. */
  readonly recoveriesMs: number[] = [];

  readLine(worker: string, line: string): void {
    const told = readAttemptLine(line);
    if (told === undefined) return;
    const held = this.#held.get(told.jobId);
    if (told.msg === STARTED) this.#started(worker, told, held);
    else if (held?.attempt === told.attempt) this.#forget(told.jobId);
  }

  workerFailed(worker: string, atMs: number): void {
    for (const [jobId, held] of this.#held) {
      if (held.worker === worker && !this.#waiting.has(jobId)) this.#waiting.set(jobId, atMs);
    }
  }

  #started(worker: string, { jobId, attempt, atMs }: AttemptLine, held: Held | undefined): void {
    if (held !== undefined && attempt <= held.attempt) return;
    const failedAtMs = this.#waiting.get(jobId);
    if (failedAtMs !== undefined) this.recoveriesMs.push(Math.max(0, atMs - failedAtMs));
    this.#waiting.delete(jobId);
    this.#held.set(jobId, { worker, attempt });
  }

  /** The attempt ended by itself: the fault, if there was one, did not reach it. */
  #forget(jobId: string): void {
    this.#held.delete(jobId);
    this.#waiting.delete(jobId);
  }
}

function readAttemptLine(line: string): AttemptLine | undefined {
  if (!line.includes('"attempt":')) return undefined;
  try {
    const { msg, jobId, attempt, time }: Record<string, unknown> = JSON.parse(line);
    const atMs = Date.parse(String(time));
    if (typeof msg !== 'string' || typeof jobId !== 'string' || typeof attempt !== 'number') return undefined;
    return msg === STARTED || msg === ENDED ? { msg, jobId, attempt, atMs } : undefined;
  } catch {
    // A line cut short by a kill.
    return undefined;
  }
}
