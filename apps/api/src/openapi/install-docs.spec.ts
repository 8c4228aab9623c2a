import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, expect, it } from 'vitest';
import { installDocs } from './install-docs.js';

const servers: FastifyInstance[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function serverWith(open: () => Promise<FastifyInstance>): FastifyInstance {
  const server = Fastify();
  servers.push(server);
  installDocs(server, open);
  return server;
}

it('a page that could not be opened is opened by the next request', async () => {
  let tries = 0;
  const server = serverWith(async () => {
    tries += 1;
    if (tries === 1) throw new Error('its package cannot be read now');
    const page = Fastify();
    page.get('/docs', async () => 'the page');
    await page.ready();
    return page;
  });
  expect((await server.inject('/docs')).statusCode).toBe(500);
  const answers = [await server.inject('/docs'), await server.inject('/docs')];
  expect(answers.map(({ body }) => body)).toEqual(['the page', 'the page']);
  expect(tries).toBe(2);
});

it('a page that is still being opened, and cannot be, holds up no shutdown', async () => {
  const opening = Promise.withResolvers<FastifyInstance>();
  const server = serverWith(() => opening.promise);
  await server.ready();
  const asked = server.inject('/docs').catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  opening.reject(new Error('its package cannot be read now'));
  await expect(closed).resolves.toBeUndefined();
  await asked;
});
