import { describe, expect, it } from 'vitest';
import type { DeliveryLogEntry, LoggedOutcome } from './delivery-log.js';
import { pickRedeliveries } from './pick-redeliveries.js';

const base: DeliveryLogEntry = {
  id: '1-0',
  deliveryId: 'evt_1_failed_0-we_1',
  webhookId: 'evt_1_failed_0',
  event: 'job.failed',
  jobId: 'job_1',
  endpointId: 'we_1',
  host: 'hook.example',
  attempt: 1,
  at: new Date(1_000).toISOString(),
  durationMs: 1,
  statusCode: 500,
  outcome: 'gave_up',
  reason: 'answered 500',
  nextAttemptAt: null,
};
const logged = (deliveryId: string, atMs: number, outcome: LoggedOutcome): DeliveryLogEntry => ({
  ...base,
  deliveryId,
  at: new Date(atMs).toISOString(),
  outcome,
});

const log = [
  logged('early', 500, 'gave_up'),
  logged('failed', 1_000, 'retry'),
  logged('arrived', 1_100, 'delivered'),
  logged('failed', 1_500, 'gave_up'),
  logged('mended', 1_600, 'gave_up'),
  logged('late', 2_500, 'refused'),
  logged('mended-r0123456789ab', 3_000, 'delivered'),
];
const range = { sinceMs: 1_000, untilMs: 2_000 };

describe('what is sent again', () => {
  it('is what was tried in the range and never arrived, each once', () =>
    expect(pickRedeliveries(log, range)).toEqual(['failed']));

  it('is everything that was tried in the range where all is asked for', () =>
    expect(pickRedeliveries(log, { ...range, include: 'all' })).toEqual(['failed', 'arrived', 'mended']));

  it('is no test event', () =>
    expect(pickRedeliveries([{ ...base, event: 'endpoint.test', jobId: null }], range)).toEqual([]));
});
