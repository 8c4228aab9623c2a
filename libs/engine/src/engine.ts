import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { commitStep, type SequenceOutcome } from './commit-step.js';
import { compileEngineOptions, type EngineDependencies, type EngineOptions } from './engine-options.js';
import type { EngineSnapshot } from './engine-snapshot.js';
import { EngineClosedError, EngineStepError } from './errors.js';
import { openCache } from './kv-cache/open-cache.js';
import type { CacheManager, PlanLogits } from './ports/cache-manager.port.js';
import { createSamplingScratch, type SamplingScratch } from './sampling/draw-token.js';
import { isEmptyPlan, sequencesOf } from './scheduling/plan-step.js';
import { SequenceTable, type Entry } from './scheduling/sequence-table.js';
import { StepScheduler, type ScheduledStep } from './scheduling/step-scheduler.js';
import type {
  GenerationRequest,
  GenerationResult,
  StepReport,
  TextDelta,
} from './sequence/generation-request.js';
import { Generation } from './sequence/generation.js';
import type { Sequence } from './sequence/sequence.js';
import { Ticket } from './sequence/ticket.js';
import { validateRequest } from './sequence/validate-request.js';
import { Speculator } from './speculation/speculator.js';
import { countStep } from './step-report.js';

const NO_LOGITS: PlanLogits = [];

/**
 * Continuous batching over one model: sequences join and leave between steps. Each step is planned, run and
 * committed; until it is committed, no sequence changes. What it came to is told while the model runs the next one. A
 * deterministic sequence's tokens depend on its own request only.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #cache: CacheManager;
  readonly #table: SequenceTable;
  readonly #scheduler: StepScheduler;
  readonly #scratch: SamplingScratch;
  #loop: Promise<void> | null = null;
  /** Tells of the last step, once. */
  #tell: (() => void) | null = null;
  #hiddenMs = 0;
  #closed = false;

  constructor(dependencies: EngineDependencies) {
    const options = compileEngineOptions(dependencies);
    const { maxQueued, nowMs } = options;
    this.#options = options;
    this.#cache = openCache(options.runner, options.prefixCache);
    this.#table = new SequenceTable(this.#cache, this.#cache.limits.sequences, maxQueued, nowMs);
    const speculator = options.speculation ? new Speculator() : null;
    this.#scheduler = new StepScheduler(this.#table, this.#cache, options.limits, speculator);
    this.#scratch = createSamplingScratch(this.#cache.limits.vocabSize);
  }

  get slotsUsed(): number {
    return this.#table.running.length;
  }

  /**
   * Runs one request; first come, first served where there is no room in the cache. An abort ends it within one step:
   * it resolves with `finish: 'aborted'` and the text so far. Resumed tokens that end the text resolve it at once.
   * @throws InvalidGenerationRequestError, EngineQueueFullError, EngineClosedError, or EngineStepError where the
   *   model run failed.
   */
  async submit(request: GenerationRequest, signal?: AbortSignal): Promise<GenerationResult> {
    try {
      return await this.#generate(request, signal);
    } finally {
      request.constraint?.close();
    }
  }

  async #generate(request: GenerationRequest, signal: AbortSignal | undefined): Promise<GenerationResult> {
    if (this.#closed) throw new EngineClosedError();
    validateRequest(request, this.#cache.limits);
    const generation = new Generation(request);
    if (generation.finish !== null && !generation.isScoring) return generation.toResult(generation.finish);
    if (signal?.aborted === true) return generation.toResult('aborted');
    this.#table.requireRoom();
    const ticket = new Ticket(generation, signal, (aborted) => this.#leaveLine(aborted));
    this.#table.enqueue(ticket);
    this.#loop ??= this.#run();
    return ticket.promise;
  }

  /** Aborts everything and resolves once the last step is over. The model runner stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ticket of this.#table.withdrawAll()) ticket.resolveAborted();
    for (const { ticket } of [...this.#table.running, ...this.#table.preempted]) ticket.abort();
    await this.#loop;
  }

  /** State between two steps, for `findViolations`. */
  inspect(): EngineSnapshot {
    return {
      contextTokens: this.#cache.limits.contextTokens,
      cache: this.#cache.inspect(),
      sequences: this.#table.running.map(({ sequence }) => sequence.inspect()),
      preempted: this.#table.preempted.map(({ sequence }) => sequence.inspect()),
    };
  }

  async #run(): Promise<void> {
    while (this.#table.running.length > 0 || this.#tell !== null) {
      // Timers and sockets have their turn, and a burst of submissions starts in one step.
      await yieldToEventLoop();
      try {
        if (this.#table.running.length > 0) await this.#step();
        else this.#tellLastStep();
      } catch (cause) {
        this.#fail(() => true, cause);
      }
    }
    this.#loop = null;
  }

  async #step(): Promise<void> {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    const step = this.#scheduler.next();
    const runStartMs = nowMs();
    let logits: PlanLogits;
    try {
      const running = isEmptyPlan(step.plan) ? NO_LOGITS : this.#runModel(step);
      try {
        this.#tellLastStep();
      } finally {
        // Whatever became of the telling, what the run works on stays in its place until it is over.
        logits = await running;
      }
    } catch (cause) {
      const planned = new Set(sequencesOf(step.plan));
      this.#fail(({ sequence }) => planned.has(sequence), cause);
      return;
    }
    this.#commit(step, logits, nowMs() - runStartMs, startMs);
  }

  #runModel({ plan }: ScheduledStep): Promise<PlanLogits> {
    this.#options.onStepStart?.({
      decodeIds: [...plan.decodes, ...plan.drafts.map(({ sequence }) => sequence)].map(
        ({ request }) => request.id,
      ),
      prefillIds: plan.chunks.map(({ sequence }) => sequence.request.id),
    });
    return this.#cache.run(plan);
  }

  #commit(step: ScheduledStep, logits: PlanLogits, modelMs: number, startMs: number): void {
    const { nowMs, onStep } = this.#options;
    const counts = countStep(step.plan);
    const context = { cache: this.#cache, scratch: this.#scratch, modelMs, nowMs: nowMs() };
    const outcomes = commitStep(step.plan, logits, context);
    const { deltas, settle } = this.#endSequences(outcomes);
    this.#table.admit();
    const drafts = this.#scheduler.learn(step, { ...counts, modelMs });
    const report: StepReport = {
      ...counts,
      ...drafts,
      generatedTokens: counts.generatedTokens + drafts.acceptedTokens,
      deltas,
      prefixQueryTokens: this.#cache.reusesPrefixes ? step.prefixHitTokens + counts.prefillTokens : 0,
      prefixHitTokens: step.prefixHitTokens,
      preemptions: step.preemptions,
      slotsUsed: this.#table.running.length,
      cachedTokens: this.#table.running.reduce((sum, { sequence }) => sum + sequence.processedTokens, 0),
      modelMs,
      hiddenMs: this.#hiddenMs,
      stepMs: nowMs() - startMs,
    };
    this.#tell = () => {
      try {
        onStep(report);
      } finally {
        settle();
      }
    };
  }

  #tellLastStep(): void {
    const { nowMs } = this.#options;
    const startMs = nowMs();
    const tell = this.#tell;
    this.#tell = null;
    tell?.();
    this.#hiddenMs = nowMs() - startMs;
  }

  /** Frees the places of what is over. `settle` answers the callers, once the report is out. */
  #endSequences(outcomes: ReadonlyMap<Sequence, SequenceOutcome>): {
    deltas: TextDelta[];
    settle: () => void;
  } {
    const deltas: TextDelta[] = [];
    const settlements: (() => void)[] = [];
    for (const entry of [...this.#table.running, ...this.#table.preempted]) {
      const { ticket, sequence } = entry;
      const outcome = withAbort(outcomes.get(sequence), ticket.aborted);
      if (outcome.kind !== 'goes-on') {
        sequence.generation.output.end();
        this.#table.release(entry, outcome.kind === 'failed' ? 'failed' : 'ended');
        settlements.push(() => settleTicket(ticket, sequence, outcome));
      }
      const delta = sequence.generation.takeDelta();
      if (delta !== null) deltas.push(delta);
    }
    return { deltas, settle: () => settlements.forEach((settle) => settle()) };
  }

  /** An abort in the line ends at once; a sequence that has run ends with the step. */
  #leaveLine(ticket: Ticket): void {
    if (this.#table.withdraw(ticket)) ticket.resolveAborted();
  }

  #fail(isConcerned: (entry: Entry) => boolean, cause: unknown): void {
    for (const entry of this.#table.running.filter(isConcerned)) {
      this.#table.release(entry, 'failed');
      entry.ticket.reject(new EngineStepError(cause));
    }
    this.#table.admit();
  }
}

/** A sequence that is no longer wanted ends where it would have gone on. */
function withAbort(outcome: SequenceOutcome = { kind: 'goes-on' }, aborted: boolean): SequenceOutcome {
  return outcome.kind === 'goes-on' && aborted ? { kind: 'finished', finish: 'aborted' } : outcome;
}

function settleTicket(
  ticket: Ticket,
  sequence: Sequence,
  outcome: Exclude<SequenceOutcome, { kind: 'goes-on' }>,
): void {
  switch (outcome.kind) {
    case 'finished':
      return ticket.resolve(sequence.toResult(outcome.finish));
    case 'failed':
      return ticket.reject(new EngineStepError(outcome.cause));
    default:
      return outcome satisfies never;
  }
}
