import { setImmediate as yieldToEventLoop } from 'node:timers/promises';
import { commitStep, type SequenceOutcome } from './commit-step.js';
import type { EngineSnapshot } from './engine-invariants.js';
import { EngineClosedError, EngineQueueFullError, EngineStepError } from './errors.js';
import { SlotPool } from './kv-cache/slot-pool.js';
import type { ModelRunner, StepLogits } from './ports/model-runner.port.js';
import { createSamplingScratch, type SamplingScratch } from './sampling/draw-token.js';
import { planStep, type PlanLimits, type StepPlan } from './scheduling/plan-step.js';
import { toModelStep } from './scheduling/to-model-step.js';
import type {
  GenerationRequest,
  GenerationResult,
  StepReport,
  TextDelta,
} from './sequence/generation-request.js';
import { Sequence } from './sequence/sequence.js';
import { abortedResult, Ticket } from './sequence/ticket.js';
import { validateRequest } from './sequence/validate-request.js';

export interface EngineDependencies {
  /** Stays the caller's: `close` of the engine leaves it open. */
  readonly runner: ModelRunner;
  /** Prompt tokens of one chunk, 2 or more; a last lone token joins the chunk before it. */
  readonly prefillChunkTokens: number;
  /** Decode rows and prompt tokens of one step. Default: one chunk beside a decode row in every slot. */
  readonly stepTokenBudget?: number;
  /** Sequences that may wait for a slot. Default 1024. */
  readonly maxQueued?: number;
  /** Called after each step, before the promises of the sequences that ended in it settle. */
  readonly onStep?: (report: StepReport) => void;
  /** Monotonic clock in milliseconds. */
  readonly nowMs?: () => number;
}

const DEFAULT_MAX_QUEUED = 1024;
const NO_LOGITS: StepLogits = { decodes: [], prefills: [] };

interface Running {
  readonly ticket: Ticket;
  readonly sequence: Sequence;
}

/**
 * Continuous batching over one model: sequences join and leave between steps. Each step is planned, run and
 * committed; while it is planned and run, no sequence changes. A sequence's tokens depend on its own request only.
 */
export class Engine {
  readonly #runner: ModelRunner;
  readonly #limits: PlanLimits;
  readonly #maxQueued: number;
  readonly #onStep: (report: StepReport) => void;
  readonly #nowMs: () => number;
  readonly #slots: SlotPool;
  readonly #scratch: SamplingScratch;
  readonly #waiting: Ticket[] = [];
  /** By slot. */
  readonly #running = new Map<number, Running>();
  #admissions = 0;
  #loop: Promise<void> | null = null;
  #closed = false;

  constructor(dependencies: EngineDependencies) {
    const { runner, prefillChunkTokens } = dependencies;
    const { slots, vocabSize } = runner.info;
    const stepTokenBudget = dependencies.stepTokenBudget ?? prefillChunkTokens + slots;
    requireInteger('prefillChunkTokens', prefillChunkTokens, 2);
    requireInteger('stepTokenBudget', stepTokenBudget, 1);
    this.#runner = runner;
    this.#limits = { prefillChunkTokens, stepTokenBudget };
    this.#maxQueued = dependencies.maxQueued ?? DEFAULT_MAX_QUEUED;
    this.#onStep = dependencies.onStep ?? (() => undefined);
    this.#nowMs = dependencies.nowMs ?? (() => performance.now());
    this.#slots = new SlotPool(slots);
    this.#scratch = createSamplingScratch(vocabSize);
  }

  get slotsUsed(): number {
    return this.#slots.used;
  }

  /**
   * Runs one request; first come, first served where all slots are taken. An abort ends it within one step:
   * it resolves with `finish: 'aborted'` and the text so far.
   * @throws InvalidGenerationRequestError, EngineQueueFullError, EngineClosedError, or EngineStepError where the
   *   model run failed.
   */
  async submit(request: GenerationRequest, signal?: AbortSignal): Promise<GenerationResult> {
    if (this.#closed) throw new EngineClosedError();
    validateRequest(request, this.#runner.info);
    if (signal?.aborted === true) return abortedResult(request);
    if (this.#slots.used === this.#slots.size && this.#waiting.length >= this.#maxQueued) {
      throw new EngineQueueFullError(this.#maxQueued);
    }
    const ticket = new Ticket(request, signal, (aborted) => this.#leaveQueue(aborted));
    this.#waiting.push(ticket);
    this.#admit();
    this.#loop ??= this.#run();
    return ticket.promise;
  }

  /** Aborts everything and resolves once the last step is over. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ticket of this.#waiting.splice(0)) ticket.resolve(abortedResult(ticket.request));
    for (const { ticket } of this.#running.values()) ticket.abort();
    await this.#loop;
  }

  /** State between two steps, for `findViolations`. */
  inspect(): EngineSnapshot {
    return {
      contextTokens: this.#runner.info.contextTokens,
      slots: this.#slots.size,
      takenSlots: Array.from({ length: this.#slots.size }, (_, slot) => slot).filter((slot) =>
        this.#slots.isTaken(slot),
      ),
      sequences: [...this.#running.values()].map(({ sequence }) => ({
        id: sequence.request.id,
        slot: sequence.slot,
        promptTokens: sequence.promptTokens,
        processedTokens: sequence.processedTokens,
        generatedTokens: sequence.generatedTokens,
        maxTokens: sequence.request.maxTokens,
      })),
    };
  }

  async #run(): Promise<void> {
    while (this.#running.size > 0) {
      // Also lets a burst of submissions start in one step.
      await yieldToEventLoop();
      try {
        await this.#step();
      } catch (cause) {
        this.#fail([...this.#running.values()], cause);
      }
    }
    this.#loop = null;
  }

  async #step(): Promise<void> {
    const startMs = this.#nowMs();
    const wanted = [...this.#running.values()].filter(({ ticket }) => !ticket.aborted);
    const plan = planStep(
      wanted.map(({ sequence }) => sequence),
      this.#limits,
    );
    const runStartMs = this.#nowMs();
    let logits: StepLogits;
    try {
      logits = isEmpty(plan) ? NO_LOGITS : await this.#runner.run(toModelStep(plan, this.#sequenceIn));
    } catch (cause) {
      this.#fail(slotsOf(plan).map(this.#runningIn), cause);
      return;
    }
    const nowMs = this.#nowMs();
    const modelMs = nowMs - runStartMs;
    const context = { sequenceIn: this.#sequenceIn, scratch: this.#scratch, modelMs, nowMs };
    const outcomes = commitStep(plan, logits, context);
    const { deltas, settle } = this.#endSequences(outcomes);
    this.#admit();
    try {
      this.#onStep(this.#report(plan, deltas, modelMs, startMs));
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
    for (const { ticket, sequence } of this.#running.values()) {
      const outcome = withAbort(outcomes.get(sequence), ticket.aborted);
      if (outcome.kind !== 'goes-on') {
        sequence.output.end();
        this.#release(sequence);
        settlements.push(() => settleTicket(ticket, sequence, outcome));
      }
      const pending = sequence.output.takePending();
      if (pending !== null) deltas.push({ id: ticket.request.id, ...pending });
    }
    return { deltas, settle: () => settlements.forEach((settle) => settle()) };
  }

  #report(plan: StepPlan, deltas: TextDelta[], modelMs: number, startMs: number): StepReport {
    const cached = [...this.#running.values()].map(({ sequence }) => sequence.processedTokens);
    return {
      deltas,
      decodeRows: plan.decodeSlots.length,
      prefillTokens: sum(plan.prefills.map(({ tokenCount }) => tokenCount)),
      generatedTokens: plan.decodeSlots.length + plan.prefills.filter(({ endsPrompt }) => endsPrompt).length,
      slotsUsed: this.#slots.used,
      cachedTokens: sum(cached),
      modelMs,
      stepMs: this.#nowMs() - startMs,
    };
  }

  #admit(): void {
    while (this.#waiting.length > 0) {
      const slot = this.#slots.acquire();
      if (slot === undefined) return;
      const ticket = this.#waiting.shift()!;
      const sequence = new Sequence(ticket.request, slot, this.#admissions++, this.#nowMs());
      this.#running.set(slot, { ticket, sequence });
    }
  }

  /** An abort before admission ends at once; after it, the running step ends first. */
  #leaveQueue(ticket: Ticket): void {
    const place = this.#waiting.indexOf(ticket);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    ticket.resolve(abortedResult(ticket.request));
  }

  #fail(failed: readonly Running[], cause: unknown): void {
    for (const { ticket, sequence } of failed) {
      this.#release(sequence);
      ticket.reject(new EngineStepError(cause));
    }
    this.#admit();
  }

  #release({ slot }: Sequence): void {
    this.#running.delete(slot);
    this.#slots.release(slot);
  }

  readonly #sequenceIn = (slot: number): Sequence => this.#runningIn(slot).sequence;

  readonly #runningIn = (slot: number): Running => {
    const running = this.#running.get(slot);
    if (running === undefined) throw new Error(`No sequence holds slot ${slot}. This is a bug.`);
    return running;
  };
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
  if (outcome.kind === 'finished') ticket.resolve(sequence.toResult(outcome.finish));
  else ticket.reject(new EngineStepError(outcome.cause));
}

function isEmpty(plan: StepPlan): boolean {
  return plan.decodeSlots.length === 0 && plan.prefills.length === 0;
}

function slotsOf(plan: StepPlan): number[] {
  return [...plan.decodeSlots, ...plan.prefills.map(({ slot }) => slot)];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function requireInteger(name: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min) {
    throw new RangeError(`\`${name}\` is ${value}, must be an integer of ${min} or more.`);
  }
}
