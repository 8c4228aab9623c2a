import { afterEach, describe, expect, it } from 'vitest';
import { askLong, attemptsOf } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { startSystem, type System } from './support/start-system.js';

describe('SIGTERM of a worker', () => {
  let system: System;

  afterEach(() => system.close());

  async function submitLong(count: number): Promise<string[]> {
    const jobs = await Promise.all(Array.from({ length: count }, () => system.client.submit(askLong('8_0'))));
    return jobs.map(({ id }) => id);
  }

  const countWhere = async (ids: readonly string[], status: string) =>
    (await Promise.all(ids.map((id) => system.client.job(id)))).filter((job) => job.status === status).length;

  it('lets running jobs finish, takes no more and leaves with 0', async () => {
    system = await startSystem({ slots: 4 });
    const { client, workers } = system;
    const worker = workers[0]!;
    const ids = await submitLong(10);
    await pollUntil('four to run', async () => ((await countWhere(ids, 'running')) === 4 ? true : undefined));
    worker.signal('SIGTERM');
    const readiness = await fetch(`${worker.url}/readyz`);
    expect([readiness.status, await readiness.json()]).toEqual([503, { status: 'draining' }]);
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await countWhere(ids, 'running')).toBe(0);
    expect(await countWhere(ids, 'queued')).toBeGreaterThan(0);

    await system.startWorker('8_0');
    const jobs = await Promise.all(ids.map((id) => client.finalJob(id)));
    expect(jobs.every(({ status }) => status === 'succeeded')).toBe(true);
    expect(attemptsOf(jobs)).toEqual(ids.map(() => 1));
  });

  it('hands over what does not finish in time', async () => {
    system = await startSystem({ variants: ['8_0'], slots: 4, env: { DROVER_SHUTDOWN_TIMEOUT_MS: '0' } });
    const { client, workers } = system;
    const worker = workers[0]!;
    const ids = await submitLong(4);
    await Promise.all(ids.map((id) => client.untilStreaming(id)));
    worker.signal('SIGTERM');
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    expect(await countWhere(ids, 'queued')).toBeGreaterThan(0);

    await system.startWorker('8_0');
    const jobs = await Promise.all(ids.map((id) => client.finalJob(id)));
    expect(jobs.every(({ status }) => status === 'succeeded')).toBe(true);
    expect(attemptsOf(jobs)).toContain(2);
  });
});
