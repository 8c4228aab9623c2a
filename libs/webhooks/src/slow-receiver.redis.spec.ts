import { expect, it } from 'vitest';
import { startWebhookReceiver, type WebhookReceiver } from '#testing';
import { setWebhookStage } from './webhook-stage.fixture.js';

const PER_HOST = 4;
const SLOW_EVENTS = 200;
const FAST_EVENTS = 40;
const stage = setWebhookStage();

/** A receiver that takes requests and never answers. */
async function startSilentReceiver(): Promise<WebhookReceiver> {
  const silent = await startWebhookReceiver();
  silent.status = null;
  return silent;
}

it('200 deliveries to a receiver that never answers delay none to another, and come back by themselves', async () => {
  const slow = await startSilentReceiver();
  try {
    for (let i = 0; i < SLOW_EVENTS; i++) await stage.endJob({ url: slow.url });
    for (let i = 0; i < FAST_EVENTS; i++) await stage.endJob({ url: stage.receiver.url });
    // All that the slow one is sent stays open for as long as this test waits.
    const replica = await stage.startReplica({ perHost: PER_HOST, timeoutMs: 60_000 });

    await expect.poll(() => stage.receiver.received.length, { timeout: 30_000 }).toBe(FAST_EVENTS);
    expect(slow.received).toHaveLength(PER_HOST);
    // What has been received is over for the queue only once it has heard the answer.
    await expect.poll(() => replica.queue.getCompletedCount()).toBe(FAST_EVENTS);
    const { active = 0, delayed = 0, waiting = 0 } = await replica.queue.getJobCounts();
    expect(active + delayed + waiting).toBe(SLOW_EVENTS);

    // Being put off uses up no attempt: those that were under way alone need a second one.
    slow.status = 204;
    slow.hangUp();
    const arrived = async () => {
      await replica.queue.promoteJobs();
      return new Set(slow.received.map(({ headers }) => headers['webhook-id'])).size;
    };
    await expect.poll(arrived, { timeout: 60_000, interval: 200 }).toBe(SLOW_EVENTS);
    await expect.poll(() => replica.queue.getCompletedCount()).toBe(SLOW_EVENTS + FAST_EVENTS);
    const ended = await replica.queue.getCompleted(0, SLOW_EVENTS + FAST_EVENTS);
    expect(ended.filter(({ attemptsMade }) => attemptsMade > 1)).toHaveLength(PER_HOST);
  } finally {
    await slow.close();
  }
}, 120_000);
