import type { StepReport, StepStart } from '#engine';
import type { FlightPhase, HeldAttempt } from '#observability';
import { parseSequenceId } from '../generation/sequence-id.js';
import type { FlightFile } from './flight-file.js';

interface Activity {
  readonly phase: FlightPhase;
  readonly jobsInStep: readonly string[];
}

interface FlightRecorderClock {
  readonly nowMs: () => number;
  readonly rssBytes: () => number;
}

const RSS_LIFETIME_MS = 100;
const IDLE: Activity = { phase: 'idle', jobsInStep: [] };
const SYSTEM: FlightRecorderClock = { nowMs: Date.now, rssBytes: () => process.memoryUsage.rss() };

/**
 * Writes down what the worker is about to do, so that its supervisor can tell, should the process die, which jobs were
 * in the step and which merely were held. Between two steps the last one stays written: what it left behind may still
 * end the process.
 */
export class FlightRecorder {
  readonly #held = new Map<string, HeldAttempt>();
  #step: Activity = { phase: 'load', jobsInStep: [] };
  #rssBytes = 0;
  #rssAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly workerId: string,
    private readonly file: FlightFile,
    private readonly system = SYSTEM,
  ) {
    this.#write(this.#step);
  }

  modelLoaded(): void {
    this.#enter(IDLE);
  }

  /** @param attemptKey what the ids begin with under which the engine will know the attempt's texts. */
  hold(attemptKey: string, { jobId, attempt, lockToken }: HeldAttempt): void {
    this.#held.set(attemptKey, { jobId, attempt, lockToken });
    this.#write(this.#step);
  }

  release(attemptKey: string): void {
    this.#held.delete(attemptKey);
    this.#write(this.#step);
  }

  /** Runs `compile`, which reads the job's input. A step of the engine may be under way: its jobs stay named. */
  compiling<T>(jobId: string, compile: () => T): T {
    this.#write({ phase: 'compile', jobsInStep: [...this.#step.jobsInStep, jobId] });
    try {
      return compile();
    } finally {
      this.#write(this.#step);
    }
  }

  stepStarts({ decodeIds, prefillIds }: StepStart): void {
    this.#enter({
      phase: phaseOf(decodeIds.length, prefillIds.length),
      jobsInStep: [...new Set([...decodeIds, ...prefillIds].map((id) => this.#jobOf(id)))],
    });
  }

  #jobOf(sequenceId: string): string {
    return this.#held.get(parseSequenceId(sequenceId).attemptKey)?.jobId ?? sequenceId;
  }

  stepDone({ slotsUsed }: Pick<StepReport, 'slotsUsed'>): void {
    if (slotsUsed === 0) this.#enter(IDLE);
  }

  /** The worker ends in order. */
  close(): Promise<void> {
    this.file.remove();
    return Promise.resolve();
  }

  #enter(step: Activity): void {
    this.#step = step;
    this.#write(step);
  }

  #write({ phase, jobsInStep }: Activity): void {
    const atMs = this.system.nowMs();
    this.file.write({
      workerId: this.workerId,
      phase,
      jobsInStep,
      held: [...this.#held.values()],
      rssBytes: this.#currentRssBytes(atMs),
      atMs,
    });
  }

  #currentRssBytes(nowMs: number): number {
    if (nowMs - this.#rssAtMs >= RSS_LIFETIME_MS) {
      this.#rssBytes = this.system.rssBytes();
      this.#rssAtMs = nowMs;
    }
    return this.#rssBytes;
  }
}

function phaseOf(decodeRows: number, prefillChunks: number): FlightPhase {
  if (prefillChunks === 0) return 'decode';
  return decodeRows === 0 ? 'prefill' : 'mixed';
}
