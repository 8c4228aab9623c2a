import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '#observability';
import { createJobWorker, type AttemptHandler } from '#queue';
import { succeededAttempt, testAppend } from '../redis/new-test-job.js';

/**
 * A worker process for tests that kill one: each job gets the tokens `0 `, `1 `, … one every `tokenMs`, `tokens` in
 * all, those of earlier attempts included. A job with the metadata `deadly` kills the process by SIGSEGV instead. A
 * `stubborn` worker ignores its signals and finishes whatever it has lost. Says `ready` on standard output once it takes
 * jobs, `start <job>` for each attempt and `late append` or `late finish` for each refused write.
 */
const [redisUrl = '', slots = '8', tokens = '10', tokenMs = '20', temper = ''] = process.argv.slice(2);
const stubborn = temper === 'stubborn';

const handler: AttemptHandler = async (lease, signal) => {
  const started = await worker.lifecycle.start(lease, Date.now());
  if (started.kind !== 'started') return;
  say(`start ${lease.jobId}`);
  const [shown] = started.generated;
  let text = shown?.text ?? '';
  let sequence = 0;
  for (let next = shown?.tokenIds.length ?? 0; next < Number(tokens); next++) {
    await sleep(Number(tokenMs));
    if (signal.aborted && !stubborn) return;
    if (started.job.metadata['deadly'] !== undefined) process.kill(process.pid, 'SIGSEGV');
    const token = `${next} `;
    const append = testAppend({ lease, sequence: ++sequence, text: token, tokenIds: [next] });
    const [outcome] = await worker.lifecycle.appendTokens([append]);
    if (outcome === 'lost') break;
    text += token;
  }
  await worker.lifecycle.finish(lease, succeededAttempt(text));
};

const worker = await createJobWorker({
  redisUrl,
  model: 'tiny',
  variant: '6_5',
  concurrency: Number(slots),
  logger: createLogger('child-worker', 'silent'),
  onLateWrite: (kind) => say(`late ${kind}`),
  handler,
});
await worker.start();
say('ready');

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
