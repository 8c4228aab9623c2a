import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, expect, it } from 'vitest';
import { until } from '#testing';
import { DroverClient } from './drover-client.js';
import { followJob, type FollowOptions } from './follow-job.js';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await stop(server);
});

async function serve(listener: RequestListener, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  servers.push(server);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { server, port: address.port };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  if (server.listening) await once(server.close(), 'close');
}

const token = (id: string, text: string) =>
  `id: ${id}\nevent: token\ndata: {"index":0,"text":"${text}","n":1}\n\n`;
const DONE = 'id: 1-9\nevent: done\ndata: {"id":"job_1","error":null}\n\n';

async function follow(port: number, options: FollowOptions = {}, seen: string[] = []): Promise<string[]> {
  const client = new DroverClient({ baseUrl: `http://127.0.0.1:${port}` });
  for await (const event of followJob(client, 'job_1', options)) {
    seen.push(event.type === 'token' ? event.text : event.type);
  }
  return seen;
}

it('goes on after the last event seen when the API comes back', async () => {
  const resumedAfter: (string | undefined)[] = [];
  let breaks = 0;
  const { server, port } = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(token('1-1', 'one') + token('1-2', 'two') + token('1-3', 'torn').slice(0, 20));
  });
  const seen: string[] = [];
  const onBreak = () => {
    breaks += 1;
  };
  const followed = follow(port, { onBreak }, seen);
  await until(() => seen.length === 2);
  await stop(server);
  await until(() => breaks > 0);
  let answers = 0;
  await serve((request, response) => {
    answers += 1;
    // It comes up before its Redis does.
    if (answers === 1) return response.writeHead(503).end('{"error":{"message":"not yet"}}');
    resumedAfter.push(request.headers['last-event-id']?.toString());
    return response.writeHead(200, { 'content-type': 'text/event-stream' }).end(token('1-3', 'three') + DONE);
  }, port);
  expect(await followed).toEqual(['one', 'two', 'three', 'done']);
  expect(resumedAfter).toEqual(['1-2']);
  expect(breaks).toBe(1);
});

it('gives up on an API that stays away, and says so', async () => {
  const { server, port } = await serve((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(token('1-1', 'one'));
    void stop(server);
  });
  await expect(follow(port, { giveUpAfterMs: 200 })).rejects.toThrow(/No API answers/);
});

it('an API that is not there at first, and a job that is not there, are errors at once', async () => {
  const { server, port } = await serve((_request, response) => {
    response.writeHead(404).end('{"error":{"message":"There is no job."}}');
  });
  await expect(follow(port)).rejects.toThrow('There is no job.');
  await stop(server);
  await expect(follow(port)).rejects.toThrow(/No API answers/);
});
