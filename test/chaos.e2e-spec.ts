import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { requireNativeRedis, startTestRedis } from '#testing';

const TIMEOUT_MS = 300_000;

it(
  'under 20 faults no acknowledged job is lost, doubled, stuck or different, and every event arrives',
  async (context) => {
    const redis = await startTestRedis();
    await redis.close();
    requireNativeRedis(context, redis);
    const chaos = spawn(process.execPath, ['dist/bench/chaos.js', '--kills', '20', '--seed', '7', '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // As Ctrl-C would: it ends its processes and removes its files.
    context.signal.addEventListener('abort', () => chaos.kill('SIGINT'));
    const printed = (await buffer(chaos.stdout)).toString();
    console.info(printed);
    const report: unknown = JSON.parse(printed);
    expect(report).toMatchObject({
      lost: 0,
      doubled: 0,
      stuck: 0,
      differing: 0,
      webhooksMissing: 0,
      webhooksUnknown: 0,
    });
    const some = expect.toSatisfy((count: number) => count > 0);
    expect(report).toMatchObject({ acknowledged: some, resumedJobs: some, recoveries: some, cancels: some });
  },
  TIMEOUT_MS,
);
