import { expect } from 'vitest';
import type { JobView, SubmitJobRequest } from '#contracts';
import { textsOf, type DroverClient, type JobEventLine } from './drover-client.js';
import { streamedText } from './jobs.js';

/** What becomes of the same requests while nothing happens to their workers. */
export function runUndisturbed(
  client: DroverClient,
  requests: readonly SubmitJobRequest[],
): Promise<JobView[]> {
  return Promise.all(requests.map(async (request) => client.finalJob((await client.submit(request)).id)));
}

/** A client that read the job's events cannot tell that its worker was lost: no gap, no repeat, ids that ascend. */
export function expectSeamless(events: readonly JobEventLine[], job: JobView, undisturbed: JobView): void {
  expect([undisturbed.status, undisturbed.attempt]).toEqual(['succeeded', 1]);
  expect(job.status).toBe('succeeded');
  expect(textsOf(job)).toEqual(textsOf(undisturbed));
  for (const [index, text] of textsOf(job).entries()) expect(streamedText(events, { index })).toBe(text);
  // How much of the prompt was in a worker's cache is another matter.
  expect(job.usage?.total_tokens).toBe(undisturbed.usage?.total_tokens);
  const ids = events.map(({ id }) => id.split('-').map(Number));
  expect(ids).toEqual(ids.toSorted(([a = 0, n = 0], [b = 0, m = 0]) => a - b || n - m));
}
