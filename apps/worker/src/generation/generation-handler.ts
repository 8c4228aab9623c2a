import type { JobRecord } from '#contracts';
import type { Engine, GenerationRequest } from '#engine';
import type { Logger } from '#observability';
import type { AttemptLease, JobLifecycle, StartOutcome } from '#queue';
import type { Tokenizer } from '#tokenizer';
import type { FlightRecorder } from '../flight/flight-recorder.js';
import { concludeAttempt, endOf, endOfError, endOfWait, type AttemptEnd } from './attempt-end.js';
import { openAttemptSignals, type AttemptSignals } from './attempt-signals.js';
import { compileRequest, describeRefusal } from './compile-request.js';
import type { GenerationMetrics } from './generation-metrics.js';
import { SuspectGate } from './suspect-gate.js';
import type { TokenPublisher } from './token-publisher.js';

export interface GenerationHandlerParts {
  readonly lifecycle: JobLifecycle;
  readonly engine: Engine;
  readonly tokenizer: Tokenizer;
  readonly contextTokens: number;
  readonly publisher: TokenPublisher;
  readonly metrics: GenerationMetrics;
  readonly flight: FlightRecorder;
  readonly logger: Logger;
}

type Started = Extract<StartOutcome, { kind: 'started' }>;

/** Runs one attempt at a job: start, generate while publishing, finish. Every write is fenced by the lease. */
export class GenerationHandler {
  private readonly gate = new SuspectGate();

  constructor(private readonly parts: GenerationHandlerParts) {}

  /** @param taken aborts with `AttemptAborted` when the queue takes the job from this attempt. */
  async handle(lease: AttemptLease, taken: AbortSignal): Promise<void> {
    const { flight } = this.parts;
    const key = attemptKeyOf(lease);
    flight.hold(key, lease);
    try {
      await this.attempt(lease, taken);
    } finally {
      flight.release(key);
    }
  }

  private async attempt(lease: AttemptLease, taken: AbortSignal): Promise<void> {
    const { lifecycle, metrics, logger } = this.parts;
    const log = logger.child({ jobId: lease.jobId, attempt: lease.attempt });
    const start = await lifecycle.start(lease, Date.now());
    if (start.kind !== 'started') {
      log.info({ outcome: start.kind === 'skip' ? start.reason : start.kind }, 'attempt not started');
      return;
    }
    const { job, generated, suspect } = start;
    log.info({ resumedTokens: generated.tokenIds.length, suspect }, 'attempt started');
    metrics.jobStarted(job);
    const signals = openAttemptSignals(job, taken, Date.now());
    try {
      const end = await this.gate.pass(suspect, signals.stop, () => this.generate(lease, start, signals));
      const ended = end ?? endOfWait(generated, job.promptTokens, signals.stopCause());
      await this.finish(lease, job, ended, log);
    } finally {
      signals.close();
    }
  }

  private async generate(
    lease: AttemptLease,
    { job, generated }: Started,
    signals: AttemptSignals,
  ): Promise<AttemptEnd> {
    const { tokenizer, contextTokens, publisher, flight } = this.parts;
    const key = attemptKeyOf(lease);
    let request: GenerationRequest;
    try {
      request = flight.compiling(job.id, () => compileRequest(job, generated, key, tokenizer, contextTokens));
    } catch (error) {
      return { kind: 'refused', failure: describeRefusal(error) };
    }
    publisher.open(key, lease, generated, signals.handedOver);
    try {
      return await this.runEngine(job, request, signals);
    } finally {
      publisher.close(key);
    }
  }

  private async runEngine(
    job: JobRecord,
    request: GenerationRequest,
    signals: AttemptSignals,
  ): Promise<AttemptEnd> {
    const { engine, publisher, metrics } = this.parts;
    const submittedAtMs = Date.now();
    try {
      const result = await engine.submit(request, signals.stop);
      // Of a resumed job, clients have had the first token from an attempt before.
      if (result.timeToFirstTokenMs !== null && result.resumedTokenCount === 0) {
        metrics.firstToken(job, submittedAtMs + result.timeToFirstTokenMs);
      }
      await publisher.flush(request.id);
      return endOf(result, signals.stopCause());
    } catch (error) {
      await publisher.flush(request.id);
      return endOfError(error, publisher.close(request.id), signals.stopCause());
    }
  }

  private async finish(lease: AttemptLease, job: JobRecord, end: AttemptEnd, log: Logger): Promise<void> {
    const { lifecycle, metrics } = this.parts;
    const finished = concludeAttempt(end, job.promptTokens, Date.now());
    if (finished === null) {
      log.warn({ cause: end.kind === 'handed-over' ? end.cause : end.kind }, 'attempt handed over');
      return;
    }
    const { status, finishReason, usage, failure, finishedAtMs } = finished;
    const outcome = await lifecycle.finish(lease, finished);
    if (outcome === 'lost') {
      log.warn({ status }, 'attempt had lost its job, its end was not written');
      return;
    }
    if (outcome === 'retry-later') {
      metrics.attemptFailed();
      log.warn({ failure }, 'attempt failed, the job is tried again later');
      return;
    }
    metrics.jobFinished(job, status, finishedAtMs);
    log[failure === null ? 'info' : 'error']({ status, finishReason, usage, failure }, 'job finished');
  }
}

/** Under this id the engine, the publisher and the flight record know an attempt. */
function attemptKeyOf({ jobId, attempt }: AttemptLease): string {
  return `${jobId}/${attempt}`;
}
