import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { commitStep, type SequenceOutcome } from './commit-step.js';
import { compileEngineOptions, type EngineDependencies, type EngineOptions } from './engine-options.js';
import type { EngineSnapshot } from './engine-invariants.js';
import { EngineClosedError, EngineStepError } from './errors.js';
import type { StepLogits } from './ports/model-runner.port.js';
import { createSamplingScratch, type SamplingScratch } from './sampling/draw-token.js';
import { isEmptyPlan, planStep, plannedSlots, type StepPlan } from './scheduling/plan-step.js';
import { SequenceTable, type Running } from './scheduling/sequence-table.js';
import { toModelStep } from './scheduling/to-model-step.js';
import type { GenerationRequest, GenerationResult, TextDelta } from './sequence/generation-request.js';
import { Generation } from './sequence/generation.js';
import type { Sequence } from './sequence/sequence.js';
import { Ticket } from './sequence/ticket.js';
import { validateRequest } from './sequence/validate-request.js';
import { countStep } from './step-report.js';

const NO_LOGITS: StepLogits = { decodes: [], prefills: [] };

/**
 * Continuous batching over one model: sequences join and leave between steps. Each step is planned, run and
 * committed; until it is committed, no sequence changes. A sequence's tokens depend on its own request only.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #table: SequenceTable;
  readonly #scratch: SamplingScratch;
  #loop: Promise<void> | null = null;
  #closed = false;

  constructor(dependencies: EngineDependencies) {
    const options = compileEngineOptions(dependencies);
    const { slots, vocabSize } = options.runner.info;
    this.#options = options;
    this.#table = new SequenceTable(slots, options.maxQueued, options.nowMs);
    this.#scratch = createSamplingScratch(vocabSize);
  }

  get slotsUsed(): number {
    return this.#table.slotsUsed;
  }

  /**
   * Runs one request; first come, first served where all slots are taken. An abort ends it within one step:
   * it resolves with `finish: 'aborted'` and the text so far. Resumed tokens that end the text resolve it at once.
   * @throws InvalidGenerationRequestError, EngineQueueFullError, EngineClosedError, or EngineStepError where the
   *   model run failed.
   */
  async submit(request: GenerationRequest, signal?: AbortSignal): Promise<GenerationResult> {
    if (this.#closed) throw new EngineClosedError();
    validateRequest(request, this.#options.runner.info);
    const generation = new Generation(request);
    if (generation.finish !== null) return generation.toResult(generation.finish);
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
    for (const { ticket } of this.#table.running) ticket.abort();
    await this.#loop;
  }

  /** State between two steps, for `findViolations`. */
  inspect(): EngineSnapshot {
    const { contextTokens, slots } = this.#options.runner.info;
    const takenSlots = this.#table.takenSlots();
    return { contextTokens, slots, takenSlots, sequences: this.#table.snapshots() };
  }

  async #run(): Promise<void> {
    while (this.#table.slotsUsed > 0) {
      // Timers and sockets have their turn, and a burst of submissions starts in one step.
      await yieldToEventLoop();
      try {
        await this.#step();
      } catch (cause) {
        this.#fail(this.#table.running, cause);
      }
    }
    this.#loop = null;
  }

  async #step(): Promise<void> {
    const { limits, nowMs } = this.#options;
    const startMs = nowMs();
    const wanted = this.#table.running.filter(({ ticket }) => !ticket.aborted);
    const plan = planStep(
      wanted.map(({ sequence }) => sequence),
      limits,
    );
    const runStartMs = nowMs();
    let logits: StepLogits;
    try {
      logits = isEmptyPlan(plan) ? NO_LOGITS : await this.#runModel(plan);
    } catch (cause) {
      const planned = plannedSlots(plan).map((slot) => this.#table.runningIn(slot));
      this.#fail(planned, cause);
      return;
    }
    const modelMs = nowMs() - runStartMs;
    this.#commit(plan, logits, modelMs, startMs);
  }

  #runModel(plan: StepPlan): Promise<StepLogits> {
    const { runner, onStepStart } = this.#options;
    const idIn = (slot: number) => this.#sequenceIn(slot).request.id;
    onStepStart?.({
      decodeIds: plan.decodeSlots.map(idIn),
      prefillIds: plan.prefills.map(({ slot }) => idIn(slot)),
    });
    return runner.run(toModelStep(plan, this.#sequenceIn));
  }

  #commit(plan: StepPlan, logits: StepLogits, modelMs: number, startMs: number): void {
    const { nowMs, onStep } = this.#options;
    const context = { sequenceIn: this.#sequenceIn, scratch: this.#scratch, modelMs, nowMs: nowMs() };
    const counts = countStep(plan, this.#sequenceIn);
    const outcomes = commitStep(plan, logits, context);
    const { deltas, settle } = this.#endSequences(outcomes);
    this.#table.admit();
    try {
      onStep({
        ...counts,
        deltas,
        slotsUsed: this.#table.slotsUsed,
        cachedTokens: this.#table.running.reduce((sum, { sequence }) => sum + sequence.processedTokens, 0),
        modelMs,
        stepMs: nowMs() - startMs,
      });
    } finally {
      settle();
    }
  }

  /** Frees the slots of what is over. `settle` answers the callers, once the report is out. */
  #endSequences(outcomes: ReadonlyMap<Sequence, SequenceOutcome>): {
    deltas: TextDelta[];
    settle: () => void;
  } {
    const deltas: TextDelta[] = [];
    const settlements: (() => void)[] = [];
    for (const { ticket, sequence } of this.#table.running) {
      const outcome = withAbort(outcomes.get(sequence), ticket.aborted);
      if (outcome.kind !== 'goes-on') {
        sequence.generation.output.end();
        this.#table.release(sequence);
        settlements.push(() => settleTicket(ticket, sequence, outcome));
      }
      const delta = sequence.generation.takeDelta();
      if (delta !== null) deltas.push(delta);
    }
    return { deltas, settle: () => settlements.forEach((settle) => settle()) };
  }

  /** An abort in the line ends at once; a running sequence ends with its step. */
  #leaveLine(ticket: Ticket): void {
    if (this.#table.withdraw(ticket)) ticket.resolveAborted();
  }

  #fail(failed: readonly Running[], cause: unknown): void {
    for (const { ticket, sequence } of failed) {
      this.#table.release(sequence);
      ticket.reject(new EngineStepError(cause));
    }
    this.#table.admit();
  }

  readonly #sequenceIn = (slot: number): Sequence => this.#table.runningIn(slot).sequence;
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
