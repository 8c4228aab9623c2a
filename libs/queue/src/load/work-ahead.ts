import type { Work } from './estimate-start.js';
import type { LineClass } from './queue-load.js';
import type { JobSize } from './service-time.js';

export interface LinePosition {
  /** 1 = next to run. */
  readonly position: number;
  /** Class that the job waits in, 0 to 9. */
  readonly line: number;
}

/**
 * What runs before a waiting job: all of the better classes, and of its own as many as its rank there tells, each
 * taken to be like the mean of the others.
 */
export function workAhead(line: readonly LineClass[], place: LinePosition, job: JobSize): Work {
  const better = sumOf(line.slice(0, place.line));
  const own = line[place.line];
  const others = Math.max(0, (own?.jobs ?? 0) - 1);
  const rank = Math.min(Math.max(0, place.position - 1 - better.jobs), others);
  const share = others === 0 ? 0 : rank / others;
  const ofOthers = (sum: number, ofJob: number) => Math.max(0, sum - ofJob) * share;
  return {
    jobs: place.position - 1,
    promptTokens: better.promptTokens + ofOthers(own?.promptTokens ?? 0, job.promptTokens),
    maxTokens: better.maxTokens + ofOthers(own?.maxTokens ?? 0, job.maxTokens),
  };
}

export function sumOf(classes: readonly LineClass[]): Work {
  return classes.reduce(
    (sum, { jobs, promptTokens, maxTokens }) => ({
      jobs: sum.jobs + jobs,
      promptTokens: sum.promptTokens + promptTokens,
      maxTokens: sum.maxTokens + maxTokens,
    }),
    { jobs: 0, promptTokens: 0, maxTokens: 0 },
  );
}
