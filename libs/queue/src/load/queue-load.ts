/** Jobs that wait in one priority class. Class 0 are recovered jobs, which run before all others. */
export interface LineClass {
  readonly jobs: number;
  readonly promptTokens: number;
  /** Most tokens that they may generate. */
  readonly maxTokens: number;
  /** Those that ageing has brought here from a later class. */
  readonly aged: number;
}

export interface RunningJob {
  readonly sinceMs: number;
  readonly promptTokens: number;
  readonly maxTokens: number;
}

/** How long texts were lately. Recent jobs weigh most. */
export interface LearnedLengths {
  readonly tokens: Moments;
  /** Generated tokens over the most that were allowed. */
  readonly share: Moments;
}

export interface Moments {
  readonly mean: number;
  readonly deviation: number;
}

/** What waits and runs in the queue of a variant, as the job scripts count it. */
export interface QueueLoad {
  /** By class, 0 to 9. */
  readonly line: readonly LineClass[];
  /** At most as many as all workers have slots. */
  readonly running: readonly RunningJob[];
  /** Null before any job has succeeded. */
  readonly lengths: LearnedLengths | null;
}

export const LINE_CLASSES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** A load from HGETALL; an empty hash is an idle queue. */
export function decodeQueueLoad(hash: Readonly<Record<string, string>>): QueueLoad {
  const numberOf = (field: string) => Number(hash[field] ?? 0);
  return {
    line: LINE_CLASSES.map((line) => ({
      jobs: numberOf(`jobs:${line}`),
      promptTokens: numberOf(`prompt:${line}`),
      maxTokens: numberOf(`tokens:${line}`) - numberOf(`prompt:${line}`),
      aged: numberOf(`aged:${line}`),
    })),
    running: Object.entries(hash).flatMap(([field, value]) => {
      if (!field.startsWith('run:')) return [];
      const [sinceMs = 0, promptTokens = 0, maxTokens = 0] = value.split(' ').map(Number);
      return [{ sinceMs, promptTokens, maxTokens }];
    }),
    lengths: decodeLengths(hash),
  };
}

function decodeLengths(hash: Readonly<Record<string, string>>): LearnedLengths | null {
  const jobs = Number(hash['seen:jobs'] ?? 0);
  if (jobs === 0) return null;
  const momentsOf = (name: string): Moments => {
    const mean = Number(hash[`seen:${name}`] ?? 0) / jobs;
    const meanSquare = Number(hash[`seen:${name}2`] ?? 0) / jobs;
    return { mean, deviation: Math.sqrt(Math.max(0, meanSquare - mean ** 2)) };
  };
  return { tokens: momentsOf('tokens'), share: momentsOf('share') };
}
