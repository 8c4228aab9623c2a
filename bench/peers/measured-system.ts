import type { KvCacheType } from '#contracts';

export const SYSTEMS = ['ours', 'node-llama-cpp', 'transformers.js'] as const;

export type SystemName = (typeof SYSTEMS)[number];

/** What a system runs, and the room it may take. */
export interface SystemOptions {
  /** Folder of `model.onnx`, its data and `config.json`. */
  readonly onnxDirectory: string;
  readonly ggufPath: string;
  readonly vocabSize: number;
  readonly kvCache: KvCacheType;
  /** Most sequences at once. */
  readonly slots: number;
  /** Most tokens of one sequence. */
  readonly contextTokens: number;
  /** Keys and values of one token in float32. */
  readonly cacheTokenBytes: number;
  readonly threads: number;
}

/** All prompts are run, then all sequences decode together, one token a step. */
export interface CaseLoad {
  readonly sequences: number;
  readonly promptTokens: number;
  readonly decodeSteps: number;
}

/** CPU is user and system time of all threads. */
export interface CaseFigures {
  readonly decodeTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillTokensPerS: number;
  readonly prefillCpuMsPerToken: number;
}

/** A way to run a model from Node, loaded and ready. */
export interface MeasuredSystem {
  measure(load: CaseLoad): Promise<CaseFigures>;
  close(): Promise<void>;
}
