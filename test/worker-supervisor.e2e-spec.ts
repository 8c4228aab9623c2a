import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '#testing';
import { launchDrover, type LaunchedCommand } from './support/launched-command.js';

const READY = /"msg":"ready"/;

describe('drover worker', () => {
  let redis: TestRedis;
  let command: LaunchedCommand | undefined;
  beforeEach(async () => {
    redis = await startTestRedis();
  });
  afterEach(async () => {
    await command?.cleanUp();
    await redis.close();
  });

  const start = (env: Readonly<Record<string, string>> = {}) =>
    launchDrover(['worker'], { REDIS_URL: redis.url, DROVER_VARIANT: '5_0', ...env });

  const workerOf = (launched: LaunchedCommand) => {
    const found = launched.processes().find(({ command: line }) => line.includes('built-worker'));
    if (found === undefined) throw new Error('no worker runs');
    return found.pid;
  };

  it('starts a worker that crashed again, passes SIGTERM on and ends in order', async () => {
    command = await start();
    await command.waitFor(READY);
    const pid = workerOf(command);
    console.info(
      `parent of a worker: ${residentMegabytes(parentOf(pid))} MB beside ${residentMegabytes(pid)} MB`,
    );
    process.kill(pid, 'SIGSEGV');
    await command.waitFor(
      /the worker ended by itself[\s\S]*the worker was started again[\s\S]*"msg":"ready"/,
    );
    process.kill(parentOf(workerOf(command)), 'SIGTERM');
    expect(await command.exitCode).toBe(0);
    expect(command.processes()).toEqual([]);
  });

  it('ends with the exit code of a worker that cannot start', async () => {
    command = await start({ DROVER_CONTEXT: '1000000' });
    expect(await command.exitCode).toBe(82);
    expect(command.output()).toContain('DROVER_CONTEXT=1000000');
  });
});

function parentOf(pid: number): number {
  return Number(statusOf(pid, 'PPid'));
}

function residentMegabytes(pid: number): number {
  return Math.round(Number(statusOf(pid, 'VmRSS')) / 1024);
}

function statusOf(pid: number, field: string): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? '';
}
