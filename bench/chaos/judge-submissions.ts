import type { JobFacts } from './job-facts.js';
import type { Finding } from './judge-job.js';

export interface ListedJob {
  readonly id: string;
  /** Idempotency-Key of the submission that made it. */
  readonly submission: string;
}

/**
 * `doubled` from the service's point of view: a job that it made of a submission besides the one it acknowledged, and
 * more ends counted than it has jobs.
 */
export function judgeSubmissions(
  jobs: readonly JobFacts[],
  listed: readonly ListedJob[],
  endsCounted: number,
): Finding<'doubled'>[] {
  const acknowledged = new Map(jobs.map(({ submission, id }) => [submission, id]));
  const findings = listed
    .filter(({ id, submission }) => (acknowledged.get(submission) ?? id) !== id)
    .map(({ id, submission }) => ({
      kind: 'doubled' as const,
      jobId: id,
      why: `${submission} made this job and ${acknowledged.get(submission)}`,
    }));
  if (endsCounted <= listed.length) return findings;
  const why = `drover_service_jobs_finished_total counts ${endsCounted} ends of ${listed.length} jobs`;
  return [...findings, { kind: 'doubled', jobId: '(all)', why }];
}
