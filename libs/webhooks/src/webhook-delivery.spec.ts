import { describe, expect, it } from 'vitest';
import { finishedJob } from './finished-job.fixture.js';
import {
  deliveryIdOf,
  destinationsOf,
  redeliveryIdOf,
  rootDeliveryId,
  webhookIdOf,
} from './webhook-delivery.js';

const entry = { jobId: 'job_1', event: 'job.succeeded', generation: 0 } as const;

describe('the id of an event', () => {
  it('is the same each time, and free of the dot that parts the signed text', () => {
    expect(webhookIdOf(entry)).toBe('evt_1_succeeded_0');
    expect(webhookIdOf({ ...entry })).toBe(webhookIdOf(entry));
  });

  it('is another for each event and each run of a job', () => {
    const entries = [entry, { ...entry, event: 'job.started' }, { ...entry, generation: 1 }] as const;
    expect(new Set(entries.map(webhookIdOf)).size).toBe(3);
  });
});

describe('the id of a delivery', () => {
  const webhookId = webhookIdOf(entry);
  const toEndpoint = { webhookId, to: { kind: 'endpoint', endpointId: 'we_1' } } as const;
  const toJob = { webhookId, to: { kind: 'job', url: 'https://hook.example/', secret: null } } as const;

  it('is one for each destination', () => expect(deliveryIdOf(toEndpoint)).not.toBe(deliveryIdOf(toJob)));

  it('is a new one for each redelivery, which all lead back to the first', () => {
    const first = deliveryIdOf(toEndpoint);
    const second = redeliveryIdOf(first);
    const third = redeliveryIdOf(second);
    expect(new Set([first, second, third]).size).toBe(3);
    expect([first, second, third].map(rootDeliveryId)).toEqual([first, first, first]);
  });
});

describe('the destinations of an event', () => {
  const endpoints = [{ id: 'we_1' }, { id: 'we_2' }];
  const ids = (job: Parameters<typeof finishedJob>[0], event: Parameters<typeof destinationsOf>[1]) =>
    destinationsOf(finishedJob(job), event, endpoints).map((to) =>
      to.kind === 'job' ? to.url : to.endpointId,
    );

  it('are the job’s own webhook and every endpoint', () =>
    expect(ids({}, 'job.succeeded')).toEqual(['https://hook.example/', 'we_1', 'we_2']));

  it('leave out a webhook that did not ask: of a start, unless it is named', () => {
    const url = 'https://hook.example/';
    expect(ids({}, 'job.started')).toEqual(['we_1', 'we_2']);
    expect(ids({ webhook: { url, events: ['job.started'] } }, 'job.started')).toContain(url);
    expect(ids({ webhook: { url, events: ['job.started'] } }, 'job.succeeded')).not.toContain(url);
    expect(ids({ webhook: null }, 'job.succeeded')).toEqual(['we_1', 'we_2']);
  });
});
