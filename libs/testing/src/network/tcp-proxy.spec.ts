import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TcpProxy } from './tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;
const clients: Socket[] = [];
const echoed: Socket[] = [];

beforeEach(async () => {
  echoed.length = 0;
  echo = createServer((socket) => {
    echoed.push(socket);
    socket.on('error', () => {}).pipe(socket);
  });
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await TcpProxy.open(address.port);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.close();
  echo.close();
});

function dial(): { client: Socket; heard: () => string } {
  const client = connect(proxy.port, '127.0.0.1');
  clients.push(client);
  let text = '';
  client.on('data', (chunk: Buffer) => (text += chunk.toString()));
  client.on('error', () => {});
  return { client, heard: () => text };
}

/** Unlike `once`, takes an error before it for granted. */
function closed(client: Socket): Promise<void> {
  return new Promise((resolve) => client.once('close', () => resolve()));
}

it('carries both ways', async () => {
  const { client, heard } = dial();
  client.write('hello');
  await expect.poll(heard).toBe('hello');
});

it('while silent holds back what is said on old and new connections, and then delivers all of it in order', async () => {
  const old = dial();
  old.client.write('1');
  await expect.poll(old.heard).toBe('1');
  proxy.silence();
  const fresh = dial();
  for (const word of ['2', '3', '4']) old.client.write(word);
  fresh.client.write('new');
  await sleep(100);
  expect([old.heard(), fresh.heard()]).toEqual(['1', '']);
  proxy.heal();
  await expect.poll(() => [old.heard(), fresh.heard()]).toEqual(['1234', 'new']);
});

it('while mute delivers what the port says, and what is said to it once healed, each word once', async () => {
  const { client, heard } = dial();
  client.write('1');
  await expect.poll(heard).toBe('1');
  const [far] = echoed;
  proxy.mute();
  client.write('2');
  far?.write('news ');
  await expect.poll(heard).toBe('1news ');
  proxy.heal();
  await expect.poll(heard).toBe('1news 2');
  far?.write(' more');
  await expect.poll(heard).toBe('1news 2 more');
});

it('when cut closes old and new connections until it is healed', async () => {
  const old = dial();
  old.client.write('1');
  await expect.poll(old.heard).toBe('1');
  proxy.cut();
  await closed(old.client);
  await closed(dial().client);
  proxy.heal();
  const { client, heard } = dial();
  client.write('back');
  await expect.poll(heard).toBe('back');
});

it('a side that hangs up takes the other with it', async () => {
  const { client, heard } = dial();
  client.write('x');
  await expect.poll(heard).toBe('x');
  client.end();
  await closed(client);
});
