import { isFinalJobStatus, JOBS_PATH, type JobView } from '#contracts';
import { ChaosClient } from './chaos-client.js';
import type { AuditedJob } from './job-facts.js';
import type { ListedJob } from './judge-submissions.js';
import { readStream } from './live-job.js';
import { StreamReading } from './stream-reading.js';

const AUDIT_MS = 300_000;
const READERS = 8;
/** For one stream: nothing is broken any more. */
const CONNECTIONS = 3;

/** What the service says when everything has settled. */
export interface ServiceAudit {
  readonly audited: ReadonlyMap<string, AuditedJob>;
  readonly listed: readonly ListedJob[];
  /** Ends of jobs, as the scripts that write them count. */
  readonly endsCounted: number;
}

/** Asks for each job once more, for the list of all of them, and for how many ends were counted. */
export async function auditService(
  apiUrl: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<ServiceAudit> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error('The jobs could not all be read again.')), AUDIT_MS);
  try {
    const client = new ChaosClient(apiUrl, AbortSignal.any([signal, over.signal]));
    return {
      audited: await auditJobs(client, ids),
      listed: await listJobs(client),
      endsCounted: endsCountedIn(await client.text('/metrics')),
    };
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at each job once more, and reads its whole stream as somebody who comes late. */
async function auditJobs(
  client: ChaosClient,
  ids: readonly string[],
): Promise<ReadonlyMap<string, AuditedJob>> {
  const audited = new Map<string, AuditedJob>();
  const left = ids.values();
  const readOn = async () => {
    for (const id of left) audited.set(id, await auditJob(client, id));
  };
  await Promise.all(Array.from({ length: READERS }, readOn));
  return audited;
}

async function auditJob(client: ChaosClient, id: string): Promise<AuditedJob> {
  const job = await client.job(id);
  if (job === null || !isFinalJobStatus(job.status)) return { job, stream: null };
  const stream = new StreamReading();
  await readStream(client, id, stream, { connections: CONNECTIONS });
  return { job, stream };
}

/** All jobs that the service has, a page at a time: their ids by the submission that made them. */
async function listJobs(client: ChaosClient): Promise<ListedJob[]> {
  const listed: ListedJob[] = [];
  for (let after = ''; ; after = `&after=${listed.at(-1)?.id}`) {
    const page: { data: readonly JobView[]; has_more: boolean } = JSON.parse(
      await client.text(`${JOBS_PATH}?limit=100${after}`),
    );
    listed.push(...page.data.map(({ id, metadata }) => ({ id, submission: metadata['submission'] ?? '' })));
    if (!page.has_more) return listed;
  }
}

function endsCountedIn(metrics: string): number {
  const counts = metrics.matchAll(/^drover_service_jobs_finished_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
