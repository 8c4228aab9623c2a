import { createServer } from 'node:http';
import { once } from 'node:events';
import { Webhook } from 'standardwebhooks';
import { afterEach, expect, it } from 'vitest';
import { launchDrover, type LaunchedCommand } from './support/launched-command.js';

const JOBS = 16;
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let system: LaunchedCommand | undefined;
afterEach(() => system?.cleanUp());

it('every job’s webhook arrives, verified and under one id, though the delivering process is killed twice', async () => {
  const arrived = new Map<string, Set<string>>();
  const receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const webhookId = String(request.headers['webhook-id']);
      const body: { data: { id: string } } = JSON.parse(Buffer.concat(chunks).toString());
      new Webhook(secret).verify(Buffer.concat(chunks), {
        'webhook-id': webhookId,
        'webhook-timestamp': String(request.headers['webhook-timestamp']),
        'webhook-signature': String(request.headers['webhook-signature']),
      });
      arrived.set(body.data.id, (arrived.get(body.data.id) ?? new Set()).add(webhookId));
      // Slow enough that deliveries are under way when the process is killed.
      setTimeout(() => response.writeHead(204).end(), 200);
    });
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  const address = receiver.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const webhook = { url: `http://127.0.0.1:${address.port}/`, secret };

  const launched = await launchDrover(['up'], {
    DROVER_VARIANTS: '5_0',
    DROVER_API_PORT: '0',
  });
  system = launched;
  const [, baseUrl = ''] = await launched.waitFor(/API +(http:\S+)[\s\S]*Ctrl-C drains/);
  const ids = await Promise.all(
    Array.from({ length: JOBS }, async (_value, index) => {
      const response = await fetch(`${baseUrl}/v1/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          model: 'drover-tiny',
          input: { messages: [{ role: 'user', content: `What is ${index} + 3?` }], max_tokens: 32 },
          webhook,
        }),
      });
      const job: { id: string } = JSON.parse(await response.text());
      return job.id;
    }),
  );

  for (const atLeast of [1, JOBS / 2]) {
    await expect.poll(() => arrived.size, { timeout: 60_000 }).toBeGreaterThanOrEqual(atLeast);
    const api = launched.processes().find(({ command }) => command.includes('apps/api'));
    if (api !== undefined) process.kill(api.pid, 'SIGKILL');
  }
  await expect.poll(() => arrived.size, { timeout: 90_000 }).toBe(JOBS);
  expect(launched.output()).toContain('[api] ended by itself (signal SIGKILL)');
  for (const id of ids)
    expect(arrived.get(id)).toEqual(new Set([`evt_${id.slice('job_'.length)}_succeeded_0`]));
  receiver.closeAllConnections();
  receiver.close();
});
