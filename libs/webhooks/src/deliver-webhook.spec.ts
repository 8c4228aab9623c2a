import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { LookupFunction } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createWebhookSender, type WebhookSender } from './deliver-webhook.js';
import { DestinationWall } from './destination-wall.js';
import { generateWebhookSecret, signWebhook } from './sign-webhook.js';

const body = '{"type":"job.succeeded"}';
const headers = signWebhook('wh-job_1-succeeded', Date.now(), body, [generateWebhookSecret()]);
const open = new DestinationWall({ allowPrivate: true });
const guarded = new DestinationWall({ allowPrivate: false });
const senders: WebhookSender[] = [];
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(senders.splice(0).map((each) => each.close()));
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function receiver(answer: RequestListener): Promise<{ port: number; requests: string[] }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    request.resume();
    answer(request, response);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return { port: address.port, requests };
}

function sender(options: Partial<Parameters<typeof createWebhookSender>[0]> = {}): WebhookSender {
  const made = createWebhookSender({ wall: open, timeoutMs: 5_000, ...options });
  senders.push(made);
  return made;
}

const send = (url: string, options?: Parameters<typeof sender>[0], signal?: AbortSignal) =>
  sender(options).send({ url, body, headers }, signal);

describe('a delivery', () => {
  it('posts the signed body as JSON', async () => {
    let seen = {};
    const { port } = await receiver((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen = { ...request.headers, method: request.method, body: Buffer.concat(chunks).toString() };
        response.writeHead(204).end();
      });
    });
    expect(await send(`http://127.0.0.1:${port}/hook`)).toEqual({ kind: 'delivered', statusCode: 204 });
    expect(seen).toMatchObject({ ...headers, method: 'POST', 'content-type': 'application/json', body });
  });

  it('does not follow a redirect', async () => {
    const { port, requests } = await receiver((_request, response) =>
      response.writeHead(307, { location: '/elsewhere' }).end(),
    );
    expect(await send(`http://127.0.0.1:${port}/hook`)).toMatchObject({ kind: 'failed', statusCode: 307 });
    expect(requests).toEqual(['/hook']);
  });

  it('tells 410 and Retry-After apart from plain failures', async () => {
    const { port } = await receiver((request, response) => {
      const status = Number(request.url?.slice(1));
      response.writeHead(status, { 'retry-after': '9' }).end('why');
    });
    const to = (status: number) => send(`http://127.0.0.1:${port}/${status}`);
    expect(await to(410)).toEqual({ kind: 'gone', statusCode: 410 });
    for (const status of [429, 502, 503, 504]) {
      expect(await to(status)).toMatchObject({ kind: 'failed', retryAfterMs: 9_000 });
    }
    expect(await to(404)).toMatchObject({ kind: 'failed', retryAfterMs: null });
  });

  it('fails when no answer comes in time', async () => {
    const { port } = await receiver(() => undefined);
    const outcome = await send(`http://127.0.0.1:${port}/`, { timeoutMs: 150 });
    expect(outcome).toMatchObject({ kind: 'failed', statusCode: null, reason: 'no answer within 150 ms' });
  });

  it('counts by its status even when the answer has no end', async () => {
    const { port } = await receiver((_request, response) => {
      response.writeHead(200);
      const flood = setInterval(() => response.write('x'.repeat(64 * 1024)), 1);
      response.on('close', () => clearInterval(flood));
    });
    expect(await send(`http://127.0.0.1:${port}/`)).toEqual({ kind: 'delivered', statusCode: 200 });
  });

  it('fails with the cause in a word when nobody listens', async () => {
    const outcome = await send('http://127.0.0.1:1/');
    expect(outcome).toMatchObject({ kind: 'failed', statusCode: null, reason: 'ECONNREFUSED' });
  });

  it('stops when told to, and says so by rejecting', async () => {
    const { port } = await receiver(() => undefined);
    const stop = new AbortController();
    const sent = send(`http://127.0.0.1:${port}/`, {}, stop.signal);
    stop.abort(new Error('shutting down'));
    await expect(sent).rejects.toThrow('shutting down');
  });

  it('goes straight to the receiver whatever proxy the environment names', async () => {
    const proxy = await receiver((_request, response) => response.writeHead(500).end());
    const target = await receiver((_request, response) => response.writeHead(200).end());
    const before = process.env['http_proxy'];
    process.env['http_proxy'] = `http://127.0.0.1:${proxy.port}`;
    try {
      expect(await send(`http://127.0.0.1:${target.port}/`)).toMatchObject({ kind: 'delivered' });
    } finally {
      if (before === undefined) delete process.env['http_proxy'];
      else process.env['http_proxy'] = before;
    }
    expect(proxy.requests).toEqual([]);
  });
});

describe('the wall', () => {
  it.each([
    'http://127.0.0.1:PORT/',
    'http://localhost:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f000001:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://127.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://0:PORT/',
    'http://①②⑦.⓪.⓪.①:PORT/',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[::127.0.0.1]:PORT/',
    'http://user:password@127.0.0.1:PORT/',
    'https://127.0.0.1:PORT/',
  ])('keeps %s from a receiver on this machine', async (pattern) => {
    const { port, requests } = await receiver((_request, response) => response.end());
    const outcome = await send(pattern.replace('PORT', String(port)), { wall: guarded });
    expect(outcome.kind).toBe('refused');
    expect(requests).toEqual([]);
  });

  it('refuses other protocols even where private addresses are allowed', async () => {
    expect((await send('ftp://127.0.0.1/')).kind).toBe('refused');
    expect((await send('file:///etc/passwd')).kind).toBe('refused');
  });

  it('checks the address that the socket connects to, not one of an earlier look-up', async () => {
    const { port, requests } = await receiver((_request, response) => response.end());
    const rebinding = answersInTurn(['93.184.216.34'], ['127.0.0.1']);
    rebinding('hook.example', { all: true }, () => undefined);
    const outcome = await send(`http://hook.example:${port}/`, { wall: guarded, lookup: rebinding });
    expect(outcome).toEqual({
      kind: 'refused',
      reason: expect.stringContaining('hook.example (127.0.0.1), which is no public address'),
    });
    expect(requests).toEqual([]);
  });

  it('lets an allowed host reach the private addresses that it resolves to, and no other host', async () => {
    const { port, requests } = await receiver((_request, response) => response.end());
    const wall = new DestinationWall({ allowPrivate: false, allow: ['hook.corp'] });
    const home: LookupFunction = answersInTurn(['127.0.0.1']);
    const to = (host: string) => send(`http://${host}:${port}/`, { wall, lookup: home });
    expect(await to('hook.corp')).toMatchObject({ kind: 'delivered' });
    expect(await to('evil.corp')).toMatchObject({ kind: 'refused' });
    expect(requests).toHaveLength(1);
  });

  it('lets any host reach an allowed network', async () => {
    const { port } = await receiver((_request, response) => response.end());
    const wall = new DestinationWall({ allowPrivate: false, allow: ['127.0.0.0/8'] });
    const found = await send(`http://hook.corp:${port}/`, {
      wall,
      lookup: answersInTurn(['10.0.0.1', '127.0.0.1']),
    });
    expect(found).toMatchObject({ kind: 'delivered' });
  });

  it('takes a name that does not resolve as a failure that may pass', async () => {
    const missing: LookupFunction = (_hostname, _options, callback) =>
      callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), []);
    const outcome = await send('http://hook.example/', { wall: guarded, lookup: missing });
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'ENOTFOUND' });
  });
});

/** Name resolution that gives each list once, in turn, and the last one from then on. */
function answersInTurn(...lists: string[][]): LookupFunction {
  let turn = 0;
  return (_hostname, _options, callback) => {
    const list = lists[Math.min(turn++, lists.length - 1)] ?? [];
    callback(
      null,
      list.map((address) => ({ address, family: 4 })),
    );
  };
}
