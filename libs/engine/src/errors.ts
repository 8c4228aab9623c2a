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

/** The step that ran this sequence failed, as its `cause` says. The engine goes on with other sequences. */
export class EngineStepError extends Error {
  override readonly name = 'EngineStepError';

  constructor(cause: unknown) {
    super(`A step of the engine failed: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
