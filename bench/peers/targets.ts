import type { KvCacheType } from '#contracts';
import type { SystemName } from './measured-system.js';
import type { Ratio } from './results.js';

/** How far ahead ours is meant to be, on the 1B shape at 4 bits. */
interface Target {
  readonly against: SystemName;
  readonly measure: 'decode' | 'prefill';
  readonly sequences: number;
  readonly promptTokens: number;
  /** Default `f32`. */
  readonly kvCache?: KvCacheType;
  readonly atLeast: number;
}

const TARGETS: readonly Target[] = [
  { against: 'node-llama-cpp', measure: 'decode', sequences: 1, promptTokens: 128, atLeast: 1 },
  { against: 'node-llama-cpp', measure: 'decode', sequences: 8, promptTokens: 128, atLeast: 2 },
  { against: 'node-llama-cpp', measure: 'decode', sequences: 16, promptTokens: 128, atLeast: 2 },
  { against: 'node-llama-cpp', measure: 'prefill', sequences: 1, promptTokens: 128, atLeast: 1.2 },
  { against: 'node-llama-cpp', measure: 'prefill', sequences: 1, promptTokens: 1024, atLeast: 1.2 },
  { against: 'node-llama-cpp', measure: 'decode', sequences: 1, promptTokens: 3500, atLeast: 1.5 },
  {
    against: 'node-llama-cpp',
    measure: 'decode',
    sequences: 1,
    promptTokens: 3500,
    kvCache: 'int8',
    atLeast: 1.5,
  },
  { against: 'transformers.js', measure: 'decode', sequences: 8, promptTokens: 128, atLeast: 5 },
];

export interface TargetOutcome extends Target {
  /** null where it was not measured. */
  readonly reached: number | null;
  readonly outcome: 'met' | 'missed' | 'not measured';
}

export function judgeTargets(ratios: readonly Ratio[]): TargetOutcome[] {
  return TARGETS.map((target) => {
    const ratio = ratios.find(
      (candidate) =>
        candidate.shape === '1b' &&
        candidate.bits === 4 &&
        candidate.kvCache === (target.kvCache ?? 'f32') &&
        candidate.against === target.against &&
        candidate.sequences === target.sequences &&
        candidate.promptTokens === target.promptTokens,
    );
    if (ratio === undefined) return { ...target, reached: null, outcome: 'not measured' };
    const reached = ratio[target.measure];
    return { ...target, reached, outcome: reached >= target.atLeast ? 'met' : 'missed' };
  });
}
