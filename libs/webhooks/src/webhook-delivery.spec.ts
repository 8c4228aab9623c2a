import { describe, expect, it } from 'vitest';
import { finishedJob } from './finished-job.fixture.js';
import { webhookDeliveryOf } from './webhook-delivery.js';

describe('the delivery of a job', () => {
  it('is one for each final status, unless the webhook asks for some events only', () => {
    const url = 'https://hook.example/';
    expect(webhookDeliveryOf(finishedJob({ status: 'failed' }))).toMatchObject({ event: 'job.failed', url });
    const choosy = finishedJob({ webhook: { url, events: ['job.failed'] } });
    expect(webhookDeliveryOf(choosy)).toBeNull();
    expect(webhookDeliveryOf({ ...choosy, status: 'failed' })).toMatchObject({ event: 'job.failed' });
  });

  it('is none while the job runs or where it has no webhook', () => {
    expect(webhookDeliveryOf({ ...finishedJob(), status: 'running' })).toBeNull();
    expect(webhookDeliveryOf(finishedJob({ webhook: null }))).toBeNull();
  });

  it('has an id that is the same each time, and free of the dot that parts the signed text', () => {
    const [first, second] = [webhookDeliveryOf(finishedJob()), webhookDeliveryOf(finishedJob())];
    expect(first?.webhookId).toBe('wh-job_1-succeeded');
    expect(second).toEqual(first);
  });
});
