import { describe, expect, it } from 'vitest';
import { requireNativeRedis } from '#testing';
import { textOf } from './support/drover-client.js';
import { ask, attemptsOf } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { startSystemForTest } from './support/start-system.js';

const JOBS = 20;

describe('Redis restarted while jobs wait', () => {
  it('loses none of them, and API and worker go on', async (context) => {
    const system = await startSystemForTest({ slots: 1 });
    const { client, redis, api, workers } = system;
    requireNativeRedis(context, redis);
    const worker = workers[0]!;
    const submitted = await Promise.all(
      Array.from({ length: JOBS }, (_, i) => client.submit(ask('8_0', `What is ${i + 10} + 5?`))),
    );
    await redis.kill9();
    await redis.restart();
    await pollUntil('the API to be ready again', async () =>
      (await fetch(`${api.url}/readyz`)).status === 200 ? true : undefined,
    );
    const jobs = await Promise.all(submitted.map(({ id }) => client.finalJob(id)));
    expect(jobs.map(({ status }) => status)).toEqual(submitted.map(() => 'succeeded'));
    for (const job of jobs) expect(textOf(job)).toMatch(/\d+ \+ 5 = \d+/);
    expect(Math.max(...attemptsOf(jobs))).toBeLessThanOrEqual(2);
    expect([api.running, worker.running]).toEqual([true, true]);
  });
});
