import { describe, expect, it } from 'vitest';
import { requireNativeRedis } from '#testing';
import { metricValue } from './support/drover-client.js';
import { askLong, attemptsOf, streamedText } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { expectSeamless, runUndisturbed } from './support/undisturbed.js';
import { startSystemForTest, type System } from './support/start-system.js';

/** Log of a drain that left something behind. */
const UNCLEAN = /"level":"(error|fatal)"|did not close in time/;

describe('SIGTERM of a worker', () => {
  async function submitLong({ client }: System, count: number): Promise<string[]> {
    const jobs = await Promise.all(Array.from({ length: count }, () => client.submit(askLong('8_0'))));
    return jobs.map(({ id }) => id);
  }

  it('lets running jobs finish, takes no more and leaves with 0', async () => {
    const system = await startSystemForTest({ slots: 4 });
    const { client, workers } = system;
    const worker = workers[0]!;
    const ids = await submitLong(system, 10);
    await pollUntil('four to run', async () =>
      (await client.jobIds('running')).length === 4 ? true : undefined,
    );
    worker.signal('SIGTERM');
    const readiness = await pollUntil('the worker not to be ready', async () => {
      const answer = await fetch(`${worker.url}/readyz`);
      return answer.status === 200 ? undefined : answer;
    });
    expect([readiness.status, await readiness.json()]).toEqual([503, { status: 'draining' }]);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(worker.tail()).not.toMatch(/"level":"(warn|error|fatal)"/);
    expect((await metricValue(system.apiUrl, /^drover_live_workers\b/)) ?? 0).toBe(0);
    expect(await client.jobIds('running')).toEqual([]);
    expect(await client.jobIds('queued')).not.toEqual([]);

    await system.startWorker('8_0');
    const jobs = await Promise.all(ids.map((id) => client.finalJob(id)));
    expect(jobs.every(({ status }) => status === 'succeeded')).toBe(true);
    expect(attemptsOf(jobs)).toEqual(ids.map(() => 1));
  });

  it('hands over what does not finish in time, and another worker goes on from there', async () => {
    const system = await startSystemForTest({
      slots: 4,
      env: { DROVER_DRAIN_S: '0' },
    });
    const { client, workers } = system;
    const worker = workers[0]!;
    const requests = [1, 2, 3, 4].map((seed) => askLong('8_0', { temperature: 1, seed }));
    const ids = await Promise.all(requests.map(async (request) => (await client.submit(request)).id));
    await Promise.all(ids.map((id) => client.untilStreaming(id)));
    worker.signal('SIGTERM');
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(worker.tail()).not.toContain('had lost its job');
    expect(await client.jobIds('queued')).toHaveLength(4);

    await system.startWorker('8_0');
    const jobs = await Promise.all(ids.map((id) => client.finalJob(id)));
    expect(attemptsOf(jobs)).toEqual([2, 2, 2, 2]);
    const undisturbed = await runUndisturbed(client, requests);
    for (const [i, job] of jobs.entries()) {
      const events = await client.allEvents(job.id);
      expect(streamedText(events, { attempt: 1 })).not.toBe('');
      expectSeamless(events, job, undisturbed[i]!);
    }
  });

  it('with Redis away, does not wait for jobs whose end it could not write; they run again elsewhere', async (context) => {
    // Longer than the test may take: a worker that waited for its drain to time out would be killed below.
    const system = await startSystemForTest({ env: { DROVER_DRAIN_S: '600' } });
    const { client, redis, api, workers } = system;
    requireNativeRedis(context, redis);
    const worker = workers[0]!;
    const [id = ''] = await submitLong(system, 1);
    await client.untilStreaming(id);
    await redis.kill9();
    await pollUntil('the worker to miss Redis', async () => {
      const answer = await fetch(`${worker.url}/readyz`);
      return (await answer.text()).includes('redis-unreachable') ? answer : undefined;
    });
    expect(await worker.stop(60_000)).toEqual({ code: 0, signal: null });
    expect(worker.tail()).not.toMatch(UNCLEAN);

    await redis.restart();
    await Promise.all([system.startWorker('8_0'), api.untilReady()]);
    expect(await client.finalJob(id)).toMatchObject({ status: 'succeeded', attempt: 2 });
  });

  it('while it still waits for Redis, leaves with 0 and without complaint', async () => {
    const system = await startSystemForTest();
    await system.redis.kill9();
    const starting = system.startWorker('8_0').catch(String);
    const worker = await pollUntil('a second worker', async () => system.workers[1]);
    const readiness = await pollUntil('its port to be open', () =>
      fetch(`${worker.url}/readyz`).catch(() => undefined),
    );
    expect([readiness.status, await readiness.json()]).toEqual([503, { status: 'starting' }]);
    expect((await fetch(`${worker.url}/healthz`)).status).toBe(200);
    expect(await worker.stop(60_000)).toEqual({ code: 0, signal: null });
    expect(worker.tail()).not.toMatch(UNCLEAN);
    expect(await starting).toContain('it has ended');
  });
});
