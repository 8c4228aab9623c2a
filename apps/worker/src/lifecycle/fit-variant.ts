import { EXIT_CODES, StartupError } from './exit-codes.js';

export interface FitQuestion {
  /** DROVER_CONTEXT; 0 asks for the model's own. */
  readonly contextSetting: number;
  /** DROVER_SLOTS */
  readonly slots: number;
  /** Longest sequence the model was trained for. */
  readonly modelContextTokens: number;
  /** Bytes the worker will need with so many tokens of context in every slot. */
  readonly neededBytes: (contextTokens: number) => number;
  /** Bytes this process can still get; Infinity where the model lives elsewhere. */
  readonly availableBytes: number;
}

/**
 * Context in tokens that the worker will serve.
 * @throws StartupError where the model was not trained for it, or memory does not hold it.
 */
export function fitVariant(question: FitQuestion): number {
  const { slots, availableBytes } = question;
  const contextTokens = chooseContext(question);
  const neededBytes = question.neededBytes(contextTokens);
  if (neededBytes > availableBytes) {
    throw new StartupError(
      EXIT_CODES.memoryTooSmall,
      `The variant needs about ${mebibytes(neededBytes)} with ${slots} slots of ${contextTokens} tokens, and ` +
        `${mebibytes(availableBytes)} are available. Lower DROVER_SLOTS, DROVER_CONTEXT, ` +
        'DROVER_KV_CACHE_MIB or DROVER_PREFIX_CACHE_MIB, or serve a smaller variant.',
    );
  }
  return contextTokens;
}

/**
 * Most tokens of one sequence, whatever memory holds.
 * @throws StartupError where the model was not trained for it
 */
export function chooseContext({
  contextSetting,
  modelContextTokens,
}: Pick<FitQuestion, 'contextSetting' | 'modelContextTokens'>): number {
  if (contextSetting <= modelContextTokens) return contextSetting === 0 ? modelContextTokens : contextSetting;
  throw new StartupError(
    EXIT_CODES.contextTooLong,
    `DROVER_CONTEXT=${contextSetting} is more than the ${modelContextTokens} tokens the model was trained for. ` +
      `Set it to ${modelContextTokens} or less, or to 0 for the model's own.`,
  );
}

export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
