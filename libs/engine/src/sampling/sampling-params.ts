/** Sampling rules of one sequence, complete and checked. */
export interface SamplingParams {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps every token. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  /** 1 keeps every token. */
  readonly typicalP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly seed: number;
}
