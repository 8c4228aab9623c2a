import type { EngineFault } from '#contracts';

/** No room in the line for a slot; the sequence was not taken. */
export class EngineQueueFullError extends Error {
  override readonly name = 'EngineQueueFullError';
  readonly maxQueued: number;

  constructor(maxQueued: number) {
    super(`${maxQueued} sequences already wait for a slot (maxQueued). Submit fewer at once or retry later.`);
    this.maxQueued = maxQueued;
  }
}

/** The engine was closed before or while the sequence was submitted. */
export class EngineClosedError extends Error {
  override readonly name = 'EngineClosedError';

  constructor() {
    super('The engine is closed. Submit to a new one.');
  }
}

/** A request that no engine with this model can run; names the field and its bound. */
export class InvalidGenerationRequestError extends Error {
  override readonly name = 'InvalidGenerationRequestError';
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`\`${field}\`: ${problem}`);
    this.field = field;
  }
}

/** The model answered with what is not a number: a broken variant, or a device that computes wrong. */
export class BrokenLogitsError extends Error {
  override readonly name = 'BrokenLogitsError';

  constructor(highestLogit: number) {
    super(`The highest logit of the model is ${highestLogit}. Check the variant's files and its device.`);
  }
}

/** What a runner's `run` rejects with where the model could not be run: why, in a word, and its own `cause`. */
export class ModelRunError extends Error {
  override readonly name = 'ModelRunError';
  readonly fault: Extract<EngineFault, 'out_of_memory' | 'run_terminated' | 'run_failed'>;

  constructor(fault: ModelRunError['fault'], cause: unknown) {
    super(messageOf(cause), { cause });
    this.fault = fault;
  }
}

/**
 * The step that ran this sequence failed, as `fault` says in a word and `cause` at length. Sequences that failed
 * together have the same `cause`. The engine goes on with the others.
 */
export class EngineStepError extends Error {
  override readonly name = 'EngineStepError';
  readonly fault: EngineFault;

  constructor(cause: unknown) {
    super(`A step of the engine failed: ${messageOf(cause)}`, { cause });
    this.fault = faultOf(cause);
  }
}

function faultOf(cause: unknown): EngineFault {
  if (cause instanceof ModelRunError) return cause.fault;
  return cause instanceof BrokenLogitsError ? 'broken_logits' : 'step_failed';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
