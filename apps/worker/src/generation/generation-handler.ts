import { sequenceCountOf, type JobRecord } from '#contracts';
import type { Engine, GenerationRequest, GenerationResult } from '#engine';
import type { Logger } from '#observability';
import type { AttemptLease, JobLifecycle, StartOutcome, TextSoFar } from '#queue';
import type { FlightRecorder } from '../flight/flight-recorder.js';
import { endOf, endOfError, type AttemptEnd } from './attempt-end.js';
import { openAttemptSignals, type AttemptSignals } from './attempt-signals.js';
import { compileRequests, describeRefusal, type ServedModel } from './compile-requests.js';
import { concludeAttempt } from './conclude-attempt.js';
import type { LogprobDescriber } from './describe-logprobs.js';
import type { GenerationMetrics } from './generation-metrics.js';
import type { ModelSoundness } from '../lifecycle/model-soundness.js';
import { attemptKeyOf, sequenceIdOf } from './sequence-id.js';
import { SuspectGate } from './suspect-gate.js';
import { resultSoFar } from './text-result.js';
import type { TokenPublisher } from './token-publisher.js';

export interface GenerationHandlerParts {
  readonly lifecycle: JobLifecycle;
  readonly engine: Engine;
  readonly model: ServedModel;
  readonly describeLogprobs: LogprobDescriber;
  readonly publisher: TokenPublisher;
  readonly metrics: GenerationMetrics;
  readonly flight: FlightRecorder;
  readonly soundness: ModelSoundness;
  readonly logger: Logger;
}

type Started = Extract<StartOutcome, { kind: 'started' }>;

interface TextsRun extends Pick<Started, 'job' | 'generated'> {
  readonly key: string;
  /** Of the texts that have not ended. */
  readonly requests: readonly GenerationRequest[];
}

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
    log.info({ resumedTokens: countTokens(generated), suspect }, 'attempt started');
    metrics.jobStarted(job);
    const signals = openAttemptSignals(job, taken, Date.now());
    try {
      const end = await this.gate.pass(suspect, signals.stop, () => this.generate(lease, start, signals));
      const ended = end ?? endOf(resultsOf(job, generated), signals.stopCause());
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
    const { model, publisher, flight } = this.parts;
    const key = attemptKeyOf(lease);
    let requests: readonly GenerationRequest[];
    try {
      requests = flight.compiling(job.id, () => compileRequests(job, generated, key, model));
    } catch (error) {
      return { kind: 'refused', failure: describeRefusal(error) };
    }
    publisher.open(key, lease, generated, signals.handedOver);
    try {
      return await this.runTexts({ job, generated, key, requests }, signals);
    } finally {
      publisher.close(key);
    }
  }

  /** Runs the texts of a job beside each other; where one breaks, the others have run in vain. */
  private async runTexts(run: TextsRun, signals: AttemptSignals): Promise<AttemptEnd> {
    const { job, generated, key, requests } = run;
    const { publisher } = this.parts;
    const broken = new AbortController();
    const stop = AbortSignal.any([signals.stop, broken.signal]);
    const submittedAtMs = Date.now();
    const settled = await Promise.all(
      requests.map((request) =>
        this.runText(request, stop, requests.length > 1).catch((error: unknown) => broken.abort(error)),
      ),
    );
    const fresh = settled.filter((result) => result !== undefined);
    if (generated.length === 0) this.noteFirstToken(job, submittedAtMs, fresh);
    await publisher.flush(key);
    if (broken.signal.aborted) {
      const published = resultsOf(job, publisher.close(key));
      return endOfError(broken.signal.reason, published, signals.stopCause());
    }
    const freshById = new Map(requests.map(({ id }, i) => [id, fresh[i]]));
    const results = resultsOf(job, generated).map((old, i) => freshById.get(sequenceIdOf(key, i)) ?? old);
    return endOf(results, signals.stopCause());
  }

  private async runText(
    request: GenerationRequest,
    stop: AbortSignal,
    hasOthers: boolean,
  ): Promise<GenerationResult> {
    const result = await this.parts.engine.submit(request, stop);
    if (hasOthers) this.parts.publisher.endText(request.id, result);
    return result;
  }

  /** Of a resumed job, clients have had the first token from an attempt before. */
  private noteFirstToken(job: JobRecord, submittedAtMs: number, results: readonly GenerationResult[]): void {
    const timesMs = results.map((result) => result.timeToFirstTokenMs).filter((ms) => ms !== null);
    if (timesMs.length > 0) this.parts.metrics.firstToken(job, submittedAtMs + Math.min(...timesMs));
  }

  private noteSoundness({ id: jobId }: JobRecord, end: AttemptEnd): void {
    const { soundness, metrics } = this.parts;
    if (end.kind === 'completed') soundness.jobSucceeded();
    if (end.kind !== 'broken') return;
    metrics.attemptFailed(end.fault.reason);
    soundness.jobFailed({ jobId, ...end.fault });
  }

  private async finish(lease: AttemptLease, job: JobRecord, end: AttemptEnd, log: Logger): Promise<void> {
    const { lifecycle, metrics, describeLogprobs } = this.parts;
    this.noteSoundness(job, end);
    const finished = concludeAttempt(end, job, describeLogprobs, Date.now());
    if (finished === null) {
      log.warn({ cause: end.kind === 'handed-over' ? end.cause : end.kind }, 'attempt handed over');
      return;
    }
    const { status, choices, usage, failure, finishedAtMs } = finished;
    const finishReasons = choices.map(({ finishReason }) => finishReason);
    const outcome = await lifecycle.finish(lease, finished);
    if (outcome === 'lost') {
      log.warn({ status }, 'attempt had lost its job, its end was not written');
      return;
    }
    if (outcome === 'retry-later') {
      log.warn({ failure }, 'attempt failed, the job is tried again later');
      return;
    }
    metrics.jobFinished(job, status, finishedAtMs);
    log[failure === null ? 'info' : 'error']({ status, finishReasons, usage, failure }, 'job finished');
  }
}

/** One result for each text of the job, made of what is shown. */
function resultsOf(job: JobRecord, shown: readonly TextSoFar[]): GenerationResult[] {
  return Array.from({ length: sequenceCountOf(job.input) }, (_, i) =>
    resultSoFar(shown[i], job.promptTokens),
  );
}

function countTokens(texts: readonly TextSoFar[]): number {
  return texts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
}
