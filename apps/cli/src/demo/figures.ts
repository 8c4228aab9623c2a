import type { JobView } from '#contracts';

/** What a set of finished jobs says about the service. Milliseconds. */
export interface Figures {
  readonly jobs: number;
  readonly completionTokens: number;
  /** Of all jobs together, over the time from the first submission to the last end. */
  readonly tokensPerSecond: number;
  readonly queueMs: { readonly median: number; readonly max: number };
  readonly timeToFirstTokenMs: { readonly median: number; readonly max: number };
}

export function figuresOf(jobs: readonly JobView[]): Figures {
  const startMs = Math.min(...jobs.map((job) => Date.parse(job.created_at)));
  const endMs = Math.max(...jobs.map((job) => Date.parse(job.finished_at ?? job.created_at)));
  const completionTokens = jobs.reduce((sum, job) => sum + (job.usage?.completion_tokens ?? 0), 0);
  return {
    jobs: jobs.length,
    completionTokens,
    tokensPerSecond: (completionTokens * 1000) / Math.max(1, endMs - startMs),
    queueMs: spread(jobs.map((job) => job.timings?.queue_ms)),
    timeToFirstTokenMs: spread(jobs.map((job) => job.timings?.time_to_first_token_ms)),
  };
}

function spread(values: readonly (number | null | undefined)[]): { median: number; max: number } {
  const sorted = values.filter((value) => typeof value === 'number').toSorted((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, max: sorted.at(-1) ?? 0 };
}

/**
 * Sum of a metric over its samples whose labels contain `label`, from Prometheus' text format; undefined where there
 * is no such sample.
 */
export function sumMetric(text: string, name: string, label = ''): number | undefined {
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(label))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return samples.length === 0 ? undefined : samples.reduce((sum, value) => sum + value, 0);
}
