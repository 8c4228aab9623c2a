/** Injection tokens of what is not a class of this app. */
export const SETTINGS = Symbol('WorkerSettings');
export const LOGGER = Symbol('Logger');
export const METRICS = Symbol('WorkerMetrics');
export const PINNED_VARIANT = Symbol('PinnedVariant');
export const TOKENIZER = Symbol('Tokenizer');
export const MODEL_RUNNER = Symbol('ModelRunner');
export const JOB_WORKER = Symbol('JobWorker');
