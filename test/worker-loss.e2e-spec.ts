import { describe, expect, it, onTestFinished } from 'vitest';
import { TcpProxy, type AppProcess } from '#testing';
import { metricValue } from './support/drover-client.js';
import { askLong, attemptsOf, statusTrace, streamedText } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { startSystemForTest, type System } from './support/start-system.js';
import { expectSeamless, runUndisturbed } from './support/undisturbed.js';

const SLOTS = 8;
const HANDED_OVER_TRACE = ['queued', 'running', 'queued', 'running', 'done succeeded'];

describe('a lost worker', () => {
  it('killed in the middle of 8 jobs, has them all finished by another, from where they stood', async () => {
    const system = await startSystemForTest({ variants: ['8_0', '8_0'], slots: SLOTS });
    const { client, workers } = system;
    // Both workers are full, so that whichever dies holds eight jobs, greedy ones and sampled ones.
    const requests = Array.from({ length: 2 * SLOTS }, (_, seed) =>
      askLong('8_0', seed % 2 === 0 ? { temperature: 1, seed } : { temperature: 0 }),
    );
    const submitted = await Promise.all(requests.map((request) => client.submit(request)));
    await Promise.all(submitted.map(({ id }) => client.untilStreaming(id)));
    const killedAtMs = Date.now();
    await workers[0]?.kill9();
    const jobs = await Promise.all(submitted.map(({ id }) => client.finalJob(id)));
    const endedAfterS = (Date.now() - killedAtMs) / 1000;
    const takenAfterS = (startOfAttempt(2, workers[1]!) - killedAtMs) / 1000;
    console.info(`kill -9: jobs ran again after ${takenAfterS} s, all had ended after ${endedAfterS} s`);

    expect(attemptsOf(jobs).filter((attempt) => attempt === 2)).toHaveLength(SLOTS);
    const undisturbed = await runUndisturbed(client, requests);
    for (const [i, job] of jobs.entries()) {
      const events = await client.allEvents(job.id);
      expectSeamless(events, job, undisturbed[i]!);
      if (job.attempt === 1) continue;
      expect(statusTrace(events)).toEqual(HANDED_OVER_TRACE);
      expect(streamedText(events, { attempt: 1 })).not.toBe('');
    }
  });

  it('frozen past its lock with a write under way, has it refused and counted when it wakes', async () => {
    const system = await startSystemForTest({ workers: [] });
    const { client } = system;
    const { worker: frozen, cable } = await startOnCable(system);
    const request = askLong('8_0');
    const { id } = await client.submit(request);
    await client.untilStreaming(id);
    // Its words are held back while it still generates, so that an append is under way when it freezes.
    cable.mute();
    const generated = () => metricValue(frozen.url, /^drover_generated_tokens_total/);
    const before = (await generated()) ?? 0;
    await pollUntil('more tokens', async () => ((await generated()) ?? 0) > before + 20 || undefined);
    frozen.signal('SIGSTOP');
    await system.startWorker('8_0');
    const job = await client.finalJob(id);
    const events = await client.allEvents(id);
    expect(statusTrace(events)).toEqual(HANDED_OVER_TRACE);

    cable.heal();
    frozen.signal('SIGCONT');
    await pollUntil(
      'the refused append to be counted',
      async () =>
        ((await metricValue(frozen.url, /^drover_late_writes_refused_total\{.*kind="append"/)) ?? 0) > 0 ||
        undefined,
    );
    expect(await client.job(id)).toEqual(job);
    expect(await client.allEvents(id)).toEqual(events);
    expectSeamless(events, job, (await runUndisturbed(client, [request]))[0]!);
    await frozen.untilReady();
  });

  it('cut off from Redis, changes nothing when the network heals, and serves again', async () => {
    const system = await startSystemForTest({ workers: [] });
    const { client } = system;
    const { worker: isolated, cable } = await startOnCable(system);
    const request = askLong('8_0', { temperature: 1, seed: 5 });
    const { id } = await client.submit(request);
    await client.untilStreaming(id);
    cable.cut();
    const other = await system.startWorker('8_0');
    const job = await client.finalJob(id);
    const events = await client.allEvents(id);
    expect(statusTrace(events)).toEqual(HANDED_OVER_TRACE);

    cable.heal();
    await isolated.untilReady();
    // Its heartbeats are taken again.
    await pollUntil('both workers to be known', async () => {
      const live = await metricValue(system.apiUrl, /^drover_live_workers/);
      return live === 2 ? true : undefined;
    });
    await other.stop();
    const [again] = await runUndisturbed(client, [request]);
    expectSeamless(events, job, again!);
    expect(await client.job(id)).toEqual(job);
    expect(await client.allEvents(id)).toEqual(events);
  });
});

/** A worker that reaches Redis by a cable of its own. */
async function startOnCable(system: System): Promise<{ worker: AppProcess; cable: TcpProxy }> {
  const cable = await TcpProxy.open(Number(new URL(system.redis.url).port));
  onTestFinished(() => cable.close());
  const worker = await system.startWorker('8_0', { REDIS_URL: `redis://127.0.0.1:${cable.port}` });
  return { worker, cable };
}

/** When the worker logged its first start of an attempt of that number, in Unix milliseconds. */
function startOfAttempt(attempt: number, worker: AppProcess): number {
  const line = worker.logLines.find(
    (text) => text.includes(`"attempt":${attempt}`) && text.includes('attempt started'),
  );
  const { time }: { time: string } = JSON.parse(line ?? '{}');
  return Date.parse(time);
}
