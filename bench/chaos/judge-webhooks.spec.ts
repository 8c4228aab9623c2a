import { describe, expect, it } from 'vitest';
import { FINAL_EVENT_TYPES, WEBHOOK_EVENT_TYPES } from '#contracts';
import { jobView, SUCCEEDED } from './job-facts.fixture.js';
import { judgeWebhooks, type AnnouncedJob, type WebhookArrival } from './judge-webhooks.js';

const announced = (changes: Partial<AnnouncedJob> = {}): ReadonlyMap<string, AnnouncedJob> =>
  new Map([
    ['job_1', { job: SUCCEEDED, asked: { job: FINAL_EVENT_TYPES, endpoint: FINAL_EVENT_TYPES }, ...changes }],
  ]);

const arrival: WebhookArrival = {
  destination: 'job',
  webhookId: 'evt_1',
  type: 'job.succeeded',
  job: SUCCEEDED,
  forged: null,
};
const both: readonly WebhookArrival[] = [arrival, { ...arrival, destination: 'endpoint' }];

const kindsOf = (jobs: ReadonlyMap<string, AnnouncedJob>, arrivals: readonly WebhookArrival[]) =>
  judgeWebhooks(jobs, arrivals).findings.map(({ kind }) => kind);

describe('webhook events', () => {
  it('that arrived once where they were asked for are as they should be', () => {
    expect(judgeWebhooks(announced(), both)).toEqual({ findings: [], duplicates: 0 });
  });

  it('may arrive again under the same id', () => {
    expect(judgeWebhooks(announced(), [...both, arrival])).toEqual({ findings: [], duplicates: 1 });
  });

  it('are missing for each place where an ended job’s end did not arrive', () => {
    expect(kindsOf(announced(), [])).toEqual(['webhook-missing', 'webhook-missing']);
    expect(kindsOf(announced(), [arrival])).toEqual(['webhook-missing']);
    expect(kindsOf(announced({ job: jobView('running', '') }), [])).toEqual([]);
  });

  it.each<[string, Partial<WebhookArrival>]>([
    ['of a job that nobody has', { job: { ...SUCCEEDED, id: 'job_2' } }],
    ['of another end', { type: 'job.cancelled', job: jobView('cancelled', '') }],
    ['whose type is not that of the job in it', { type: 'job.failed' }],
    ['that nobody asked for', { type: 'job.started', job: jobView('running', '') }],
    ['with another text', { job: jobView('succeeded', 'one') }],
    ['without a valid signature', { forged: 'no matching signature' }],
    ['under a second id', { webhookId: 'evt_2' }],
  ])('%s are unknown', (_what, change) => {
    expect(kindsOf(announced(), [...both, { ...arrival, ...change }])).toEqual(['webhook-unknown']);
  });

  it('of the start are due where they were asked for and the job has started', () => {
    const job = { ...SUCCEEDED, started_at: '2026-11-24T12:00:01.000Z' };
    const asked = { job: WEBHOOK_EVENT_TYPES, endpoint: [] };
    const started = { ...arrival, type: 'job.started', job: jobView('running', ''), webhookId: 'evt_0' };
    expect(kindsOf(announced({ asked }), [arrival])).toEqual([]);
    expect(kindsOf(announced({ job, asked }), [arrival])).toEqual(['webhook-missing']);
    expect(kindsOf(announced({ job, asked }), [started, arrival])).toEqual([]);
    expect(kindsOf(announced({ job, asked }), [{ ...started, job }, arrival])).toEqual(['webhook-unknown']);
  });

  it('at a place that did not ask are unknown', () => {
    expect(kindsOf(announced({ asked: { job: [], endpoint: FINAL_EVENT_TYPES } }), both)).toEqual([
      'webhook-unknown',
    ]);
  });

  it('may be cut where they say where the whole is', () => {
    const cut = { ...jobView('succeeded', 'one'), output_url: '/v1/jobs/job_1' };
    expect(
      kindsOf(announced({ asked: { job: FINAL_EVENT_TYPES, endpoint: [] } }), [{ ...arrival, job: cut }]),
    ).toEqual([]);
  });
});
