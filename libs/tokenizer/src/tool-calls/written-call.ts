/** A call as the model wrote it. */
export interface WrittenCall {
  readonly name: string;
  /** JSON text of an object. */
  readonly arguments: string;
}

/** What was read from some place on: the calls, none where it is no list of calls, and where reading ended. */
export interface CallReading {
  readonly calls: readonly WrittenCall[];
  readonly end: number;
}

export const NO_CALLS = (end: number): CallReading => ({ calls: [], end });
