import { ARRIVALS_MEMORY_MS } from '../scripts/prelude/load.lua.js';
import { addLengths, lengthsOf, type LearnedLengths, type LengthSums } from './learned-lengths.js';

/** What is known of a job before it runs, or of the sums of several. */
export interface JobSize {
  readonly promptTokens: number;
  /** Most tokens that may be generated. */
  readonly maxTokens: number;
}

/** Like jobs: how many, and the sums of their sizes. */
export interface Work extends JobSize {
  readonly jobs: number;
  /** How long texts of such jobs were lately; null before any has succeeded. */
  readonly lengths: LearnedLengths | null;
}

/** What waits in a class of priority, and what has been coming. Class 0 are recovered jobs, which run before all others. */
export interface LineClass extends Work {
  /** Jobs that ageing has brought here from a later class. */
  readonly aged: number;
  /** New jobs of the class a second, lately. */
  readonly arrivals: Work;
}

export interface RunningJob extends JobSize {
  readonly sinceMs: number;
  readonly lengths: LearnedLengths | null;
}

/** What waits and runs in the queue of a variant, as the job scripts count it. */
export interface QueueLoad {
  /** By class, 0 to 9. */
  readonly line: readonly LineClass[];
  /** At most as many as all workers have slots. */
  readonly running: readonly RunningJob[];
}

export const LINE_CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
const PER_SECOND = 1000 / ARRIVALS_MEMORY_MS;

/** A load from HGETALL; an empty hash is an idle queue. */
export function decodeQueueLoad(hash: Readonly<Record<string, string>>, nowMs: number): QueueLoad {
  const numberOf = (field: string) => Number(hash[field] ?? 0);
  const learned = LINE_CLASSES.map((line) => decodeLengthSums(hash[`seen:${line}`]));
  const all = learned.reduce(addLengths);
  const lengths = learned.map((own) => lengthsOf(own, all));
  return {
    line: LINE_CLASSES.map((line) => ({
      jobs: numberOf(`jobs:${line}`),
      promptTokens: numberOf(`prompt:${line}`),
      maxTokens: numberOf(`tokens:${line}`) - numberOf(`prompt:${line}`),
      aged: numberOf(`aged:${line}`),
      lengths: lengths[line] ?? null,
      arrivals: {
        ...decodeArrivals(hash[`came:${line}`], nowMs - numberOf(`cameAtMs:${line}`)),
        lengths: lengths[line] ?? null,
      },
    })),
    running: Object.entries(hash).flatMap(([field, value]) => {
      if (!field.startsWith('run:')) return [];
      const [sinceMs = 0, priority = 0, promptTokens = 0, maxTokens = 0] = numbersOf(value);
      return [{ sinceMs, promptTokens, maxTokens, lengths: lengths[priority] ?? null }];
    }),
  };
}

function decodeLengthSums(value: string | undefined): LengthSums {
  const [jobs = 0, tokens = 0, tokensSquared = 0, share = 0, shareSquared = 0] = numbersOf(value);
  return { jobs, tokens, tokensSquared, share, shareSquared };
}

function decodeArrivals(value: string | undefined, silentMs: number): JobSize & { readonly jobs: number } {
  const [jobs = 0, promptTokens = 0, maxTokens = 0] = numbersOf(value);
  const perSecond = PER_SECOND * Math.exp(-Math.max(0, silentMs) / ARRIVALS_MEMORY_MS);
  return {
    jobs: jobs * perSecond,
    promptTokens: promptTokens * perSecond,
    maxTokens: maxTokens * perSecond,
  };
}

function numbersOf(value: string | undefined): number[] {
  return value === undefined ? [] : value.split(' ').map(Number);
}
