import { expect, it } from 'vitest';
import { RecoveryWatch } from './recovery-watch.js';

const line = (msg: string, jobId: string, attempt: number, atMs: number) =>
  JSON.stringify({ level: 'info', time: new Date(atMs).toISOString(), jobId, attempt, msg });

it('measures from a worker’s fault to the next attempt of each job it held', () => {
  const watch = new RecoveryWatch();
  watch.readLine('a', line('attempt started', 'j1', 1, 0));
  watch.readLine('a', line('attempt started', 'j2', 1, 0));
  watch.readLine('b', line('attempt started', 'j3', 1, 0));
  watch.workerFailed('a', 1_000);
  watch.readLine('b', line('attempt started', 'j1', 2, 7_000));
  watch.readLine('b', line('attempt started', 'j3', 2, 7_500));
  watch.readLine('c', line('attempt started', 'j2', 2, 8_000));
  expect(watch.recoveriesMs).toEqual([6_000, 7_000]);
});

it('counts from the first fault where another hits before the job runs again', () => {
  const watch = new RecoveryWatch();
  watch.readLine('a', line('attempt started', 'j', 1, 0));
  watch.workerFailed('a', 1_000);
  watch.workerFailed('a', 3_000);
  watch.readLine('a', line('attempt started', 'j', 2, 9_000));
  expect(watch.recoveriesMs).toEqual([8_000]);
});

it('measures nothing where the attempt outlived the fault, and passes over lines that are cut short', () => {
  const watch = new RecoveryWatch();
  watch.readLine('a', line('attempt started', 'j', 1, 0));
  watch.readLine('a', line('attempt started', 'j', 1, 0).slice(0, 90));
  watch.workerFailed('a', 1_000);
  watch.readLine('a', line('job finished', 'j', 1, 2_000));
  watch.readLine('b', line('attempt started', 'j', 2, 9_000));
  expect(watch.recoveriesMs).toEqual([]);
});
