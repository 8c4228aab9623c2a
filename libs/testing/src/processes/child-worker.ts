import { createLogger } from '#observability';
import { createJobWorker } from '#queue';
import { succeededAttempt } from '../redis/new-test-job.js';

/**
 * A worker process for tests that kill one: each job gives a token every `tokenMs`, `tokens` in all. Says `ready` on
 * standard output once it takes jobs, and `start <job>` for each attempt.
 */
const [redisUrl = '', slots = '8', tokens = '10', tokenMs = '20'] = process.argv.slice(2);

const worker = await createJobWorker({
  redisUrl,
  model: 'tiny',
  variant: '6_5',
  concurrency: Number(slots),
  logger: createLogger('child-worker', 'silent'),
  async handler(lease, signal) {
    if ((await worker.lifecycle.start(lease, Date.now())).kind !== 'started') return;
    process.stdout.write(`start ${lease.jobId}\n`);
    let text = '';
    for (let sequence = 1; sequence <= Number(tokens) && !signal.aborted; sequence++) {
      await new Promise((resolve) => setTimeout(resolve, Number(tokenMs)));
      await worker.lifecycle.appendTokens([{ lease, sequence, text: 'x', tokenIds: [sequence] }]);
      text += 'x';
    }
    if (!signal.aborted) await worker.lifecycle.finish(lease, succeededAttempt(text));
  },
});
await worker.start();
process.stdout.write('ready\n');
