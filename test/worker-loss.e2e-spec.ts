import { describe, expect, it } from 'vitest';
import type { JobView } from '#contracts';
import type { AppProcess } from '#testing';
import { metricValue, textOf } from './support/drover-client.js';
import { askLong, attemptsOf, LONG_TOKENS, statusTrace, streamedText } from './support/jobs.js';
import { pollUntil } from './support/poll-until.js';
import { startSystemForTest, type System } from './support/start-system.js';

const SLOTS = 8;
const HANDED_OVER_TRACE = ['queued', 'running', 'queued', 'running', 'done succeeded'];

describe('a lost worker', () => {
  async function untilRunning(system: System, ids: readonly string[]): Promise<void> {
    await pollUntil('all jobs to run', async () => {
      const running = await system.client.jobIds('running');
      return running.length === ids.length ? true : undefined;
    });
  }

  function finalJobs(system: System, ids: readonly string[]): Promise<JobView[]> {
    return Promise.all(ids.map((id) => system.client.finalJob(id)));
  }

  it('killed in the middle of 8 jobs, has them all finished by another, once each', async () => {
    const system = await startSystemForTest({ variants: ['8_0', '8_0'], slots: SLOTS });
    const { client, workers } = system;
    // Both workers are full, so that whichever dies holds eight jobs.
    const submitted = await Promise.all(
      Array.from({ length: 2 * SLOTS }, (_, seed) => client.submit(askLong('8_0', { temperature: 1, seed }))),
    );
    const ids = submitted.map(({ id }) => id);
    await untilRunning(system, ids);
    const killedAtMs = Date.now();
    await workers[0]?.kill9();
    const jobs = await finalJobs(system, ids);
    const endedAfterS = (Date.now() - killedAtMs) / 1000;
    const takenAfterS = (startOfAttempt(2, workers[1]!) - killedAtMs) / 1000;
    console.info(`kill -9: jobs ran again after ${takenAfterS} s, all had ended after ${endedAfterS} s`);

    expect(jobs.map(({ status }) => status)).toEqual(ids.map(() => 'succeeded'));
    expect(attemptsOf(jobs).filter((attempt) => attempt === 2)).toHaveLength(SLOTS);
    for (const job of jobs.filter(({ attempt }) => attempt === 2)) {
      const events = await client.allEvents(job.id);
      expect(statusTrace(events)).toEqual(HANDED_OVER_TRACE);
      expect(streamedText(events, 2)).toBe(textOf(job));
      // The seed is the job's: the second attempt repeats what the first had shown.
      expect(textOf(job)?.startsWith(streamedText(events, 1))).toBe(true);
      expect(job.usage?.completion_tokens).toBe(LONG_TOKENS);
    }
  });

  it('frozen past its lock and woken again, lets go of its job and changes nothing', async () => {
    const system = await startSystemForTest({ variants: ['8_0'] });
    const { client, workers } = system;
    const frozen = workers[0]!;
    const { id } = await client.submit(askLong('8_0'));
    await client.untilStreaming(id);
    frozen.signal('SIGSTOP');
    await system.startWorker('8_0');
    const job = await client.finalJob(id);
    expect(job).toMatchObject({ status: 'succeeded', attempt: 2 });

    frozen.signal('SIGCONT');
    // It learns of its loss by a refused write or by a lock it cannot renew, whichever Redis answers first.
    const learnedBy = await pollUntil('the woken worker to learn of its loss', async () => {
      const refused = await metricValue(frozen.url, /^drover_late_writes_refused_total/);
      if (refused !== undefined && refused > 0) return 'refused write';
      return frozen.logLines.some(isHandOver) ? 'lost lock' : undefined;
    });
    console.info(`SIGCONT after the lock: loss learned by a ${learnedBy}`);
    expect(await client.job(id)).toEqual(job);
    expect(statusTrace(await client.allEvents(id))).toEqual(HANDED_OVER_TRACE);
    await frozen.untilReady();
    const next = await client.finalJob((await client.submit(askLong('8_0'))).id);
    expect(next.status).toBe('succeeded');
  });
});

function isHandOver(logLine: string): boolean {
  return logLine.includes('attempt handed over') && logLine.includes('"cause":"lost"');
}

/** When the worker logged its first start of an attempt of that number, in Unix milliseconds. */
function startOfAttempt(attempt: number, worker: AppProcess): number {
  const line = worker.logLines.find(
    (text) => text.includes(`"attempt":${attempt}`) && text.includes('attempt started'),
  );
  const { time }: { time: string } = JSON.parse(line ?? '{}');
  return Date.parse(time);
}
