import type { JobSize, LineClass, Work } from './queue-load.js';

export interface LinePosition {
  /** 1 = next to run. */
  readonly position: number;
  /** Class that the job waits in, 0 to 9. */
  readonly line: number;
}

/**
 * What runs before a waiting job: all of the better classes, and of its own as many as its position tells, each taken
 * to be like the mean of the others there. The position counts: BullMQ's line and the load differ by jobs on their way.
 */
export function workAhead(line: readonly LineClass[], place: LinePosition, job: JobSize): readonly Work[] {
  const own = line[place.line];
  const better = line.slice(0, place.line);
  const betterJobs = better.reduce((sum, { jobs }) => sum + jobs, 0);
  const jobsAhead = place.position - 1;
  const others = Math.max(0, (own?.jobs ?? 0) - 1);
  const rank = Math.min(Math.max(0, jobsAhead - betterJobs), others);
  const ofOwn = (sum: number, ofJob: number) =>
    others === 0 ? 0 : (Math.max(0, sum - ofJob) * rank) / others;
  const ahead: Work[] = [
    ...better,
    {
      jobs: rank,
      promptTokens: ofOwn(own?.promptTokens ?? 0, job.promptTokens),
      maxTokens: ofOwn(own?.maxTokens ?? 0, job.maxTokens),
      lengths: own?.lengths ?? null,
    },
  ];
  const counted = betterJobs + rank;
  return counted === 0 ? alike(jobsAhead, job, own?.lengths ?? null) : scaled(ahead, jobsAhead / counted);
}

/** The work of which each part is `factor` as much. */
export function scaled(work: readonly Work[], factor: number): readonly Work[] {
  return work.map(({ jobs, promptTokens, maxTokens, lengths }) => ({
    jobs: jobs * factor,
    promptTokens: promptTokens * factor,
    maxTokens: maxTokens * factor,
    lengths,
  }));
}

function alike(
  jobs: number,
  { promptTokens, maxTokens }: JobSize,
  lengths: Work['lengths'],
): readonly Work[] {
  return scaled([{ jobs: 1, promptTokens, maxTokens, lengths }], jobs);
}
