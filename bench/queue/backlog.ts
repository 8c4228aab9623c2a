import { DroverError, type SubmitJobRequest } from '#contracts';
import { createLogger } from '#observability';
import { createJobSubmitter, newJobId, type JobSubmitter, type NewJob } from '#queue';
import { PUBLIC_TENANT } from '../../apps/api/src/http/api-keys.js';
import { toNewJob } from '../../apps/api/src/jobs/new-job.js';
import { BACKLOG_VARIANT } from './bench-system.js';
import type { EngineReference } from './engine-reference.js';

/** Submissions under way at once. */
const LANES = 64;
const MOST_TRIES = 5;
const QUESTION = 'What is the capital of France, and which river flows through it?';
const BACKLOG_JOB_TOKENS = 8;

/** What every job of the backlog asks for. */
export function backlogJob(model: string): SubmitJobRequest {
  return {
    model,
    variant: BACKLOG_VARIANT,
    wait_for_worker: true,
    input: {
      messages: [{ role: 'user', content: QUESTION }],
      temperature: 0,
      max_tokens: BACKLOG_JOB_TOKENS,
      ignore_eos: true,
    },
  };
}

export interface BacklogOptions {
  readonly redisUrl: string;
  readonly model: string;
  readonly engine: Pick<EngineReference, 'promptTokens'>;
}

/**
 * Puts jobs in line through the product's own submitter, as the API does after admission.
 * @returns jobs per second
 */
export async function fillBacklog(
  jobs: number,
  { redisUrl, model, engine }: BacklogOptions,
  signal: AbortSignal,
): Promise<number> {
  const request = backlogJob(model);
  const placement = {
    model,
    variant: BACKLOG_VARIANT,
    promptTokens: engine.promptTokens(QUESTION),
    maxTokens: BACKLOG_JOB_TOKENS,
  };
  const logger = createLogger('bench', 'warn');
  const submitter = await createJobSubmitter({ redisUrl, maxQueuedJobs: Number.MAX_SAFE_INTEGER, logger });
  const startedAtMs = performance.now();
  let left = jobs;
  const fillLane = async () => {
    while (left > 0) {
      left -= 1;
      signal.throwIfAborted();
      const nowMs = Date.now();
      const identity = { id: newJobId(nowMs), tenant: PUBLIC_TENANT, nowMs };
      await submitPatiently(submitter, toNewJob(request, identity, placement));
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, fillLane));
    return (jobs * 1000) / (performance.now() - startedAtMs);
  } finally {
    await submitter.close();
  }
}

/** A busy disk may hold Redis up for longer than a submitter waits; the same job again makes no second one. */
async function submitPatiently(submitter: JobSubmitter, job: NewJob): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await submitter.submit(job);
      return;
    } catch (error) {
      if (!(error instanceof DroverError && error.code === 'queue_unavailable') || tries === MOST_TRIES)
        throw error;
    }
  }
}
