import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import type { JobEvent } from '#contracts';
import { writeEventStream, type EventStreamOptions } from './write-event-stream.js';

const stack: (() => void)[] = [];
afterEach(() => {
  for (const undo of stack.splice(0)) undo();
});

/** A real connection between a server's response and a reader that reads only when asked to. */
async function connect(): Promise<{ response: ServerResponse; reader: IncomingMessage }> {
  const response = Promise.withResolvers<ServerResponse>();
  const reader = Promise.withResolvers<IncomingMessage>();
  const server = createServer((_request, serverSide) => {
    serverSide.flushHeaders();
    response.resolve(serverSide);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const request = get({ port: address.port, host: '127.0.0.1' }, reader.resolve);
  request.on('error', () => {});
  stack.push(() => {
    request.destroy();
    server.closeAllConnections();
    server.close();
  });
  return { response: await response.promise, reader: await reader.promise };
}

function options(rest: Partial<EventStreamOptions> = {}): EventStreamOptions {
  return { signal: new AbortController().signal, keepAliveMs: 60_000, stalledReaderMs: 60_000, ...rest };
}

function token(n: number, text: string): JobEvent {
  return { id: `1-${n}`, type: 'token', index: 0, text, n: 1 };
}

it('writes every event in order and says when it is complete', async () => {
  const { response, reader } = await connect();
  async function* three() {
    for (const n of [1, 2, 3]) yield token(n, 'x');
  }
  expect(await writeEventStream(response, three(), options())).toBe('complete');
  response.end();
  const text = (await reader.toArray()).join('');
  expect([...text.matchAll(/^id: (.+)$/gm)].map((match) => match[1])).toEqual(['1-1', '1-2', '1-3']);
});

it('reads no more events while the reader takes none, and drops it at last', async () => {
  const { response } = await connect();
  const taken: number[] = [];
  async function* endless() {
    for (let n = 1; ; n += 1) {
      taken.push(n);
      yield token(n, 'x'.repeat(64 * 1024));
    }
  }
  expect(await writeEventStream(response, endless(), options({ stalledReaderMs: 100 }))).toBe('stalled');
  // Bounded by the socket's buffers, a few megabytes on any system.
  expect(taken.length).toBeLessThan(1_000);
});

it('goes on when a slow reader catches up', async () => {
  const { response, reader } = await connect();
  async function* many() {
    for (let n = 1; n <= 200; n += 1) yield token(n, 'x'.repeat(64 * 1024));
  }
  const written = writeEventStream(response, many(), options());
  await new Promise((resolve) => setTimeout(resolve, 50));
  let bytes = 0;
  reader.on('data', (chunk: Buffer) => (bytes += chunk.length));
  expect(await written).toBe('complete');
  response.end();
  await once(reader, 'end');
  expect(bytes).toBeGreaterThan(200 * 64 * 1024);
});

it('sends comments while nothing happens and stops when told to', async () => {
  const { response, reader } = await connect();
  const stop = new AbortController();
  async function* silence() {
    yield token(1, 'x');
    await once(stop.signal, 'abort');
  }
  const written = writeEventStream(response, silence(), options({ signal: stop.signal, keepAliveMs: 10 }));
  let text = '';
  for await (const chunk of reader) {
    text += String(chunk);
    if (text.includes(': keep-alive\n\n: keep-alive\n\n')) break;
  }
  stop.abort();
  expect(await written).toBe('left');
});
