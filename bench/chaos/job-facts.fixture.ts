import type { FinishReason, JobStatus, JobView } from '#contracts';
import type { AuditedJob, JobFacts, Reference, StreamFacts } from './job-facts.js';

export const REFERENCE: Reference = { text: 'one two three', finishReason: 'length', completionTokens: 3 };

export function jobView(
  status: JobStatus,
  text: string,
  finishReason: FinishReason = 'length',
  tokens = 3,
): JobView {
  return {
    id: 'job_1',
    object: 'job',
    status,
    model: 'drover-tiny',
    variant: '6_5',
    created_at: '2026-11-24T12:00:00.000Z',
    started_at: null,
    finished_at: null,
    attempt: 1,
    priority: 5,
    output: { choices: [{ index: 0, finish_reason: finishReason, logprobs: null, text }] },
    usage: {
      prompt_tokens: 5,
      completion_tokens: tokens,
      total_tokens: tokens + 5,
      prompt_tokens_details: { cached_tokens: 0 },
    },
    timings: null,
    error: null,
    metadata: { submission: 'submission-1' },
    urls: { self: '', events: '', cancel: '' },
  };
}

export const SUCCEEDED = jobView('succeeded', REFERENCE.text);

export function streamOf(text: string, ...ends: JobView[]): StreamFacts {
  return { text, ends, outOfOrder: [], resumed: 0 };
}

/** What a client knows of a job that went as it should. */
export function factsOf(changes: Partial<JobFacts> = {}): JobFacts {
  return {
    id: 'job_1',
    submission: 'submission-1',
    plan: {
      request: 0,
      priority: 5,
      submitTwice: false,
      following: 'stream',
      dropStreamAfter: null,
      cancelAfterMs: null,
      webhook: false,
    },
    acknowledgedIds: ['job_1'],
    ends: [SUCCEEDED],
    stream: streamOf(REFERENCE.text, SUCCEEDED),
    cancelAsked: false,
    ...changes,
  };
}

export function auditOf(job: JobView | null, stream: StreamFacts | null): AuditedJob {
  return { job, stream };
}

export const AUDIT = auditOf(SUCCEEDED, streamOf(REFERENCE.text, SUCCEEDED));
