import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createLogger, createWorkerMetrics } from '#observability';
import { GenerationMetrics } from '../generation/generation-metrics.js';
import { WorkerState } from '../lifecycle/worker-state.js';
import { healthRoutes } from './health-routes.js';
import { openHealthServer, type HealthRoutes, type HealthServer } from './health-server.js';

const logger = createLogger('test', 'silent');

describe('health port', () => {
  let server: HealthServer | undefined;
  afterEach(() => server?.close());

  async function open(routes: HealthRoutes): Promise<string> {
    server = await openHealthServer({ host: '127.0.0.1', port: 0, routes, logger });
    return server.url;
  }

  async function openWorker(state = new WorkerState()): Promise<string> {
    const workerMetrics = createWorkerMetrics('drover-tiny', '8_0');
    return open(healthRoutes({ state, workerMetrics, metrics: new GenerationMetrics(workerMetrics) }));
  }

  async function get(url: string, method = 'GET') {
    const answer = await fetch(url, { method });
    const { status, headers } = answer;
    return { status, headers, text: await answer.text() };
  }

  it('answers /healthz from the first moment', async () => {
    const { status, headers, text } = await get(`${await openWorker()}/healthz?probe=1`);
    expect([status, headers.get('content-type'), text]).toEqual([
      200,
      'application/json; charset=utf-8',
      '{"status":"ok"}',
    ]);
  });

  it('is ready while the model is served and Redis answers; else says what is missing', async () => {
    const state = new WorkerState();
    const url = `${await openWorker(state)}/readyz`;
    const readiness = async () => {
      const { status, text } = await get(url);
      return [status, JSON.parse(text).status];
    };
    expect(await readiness()).toEqual([503, 'starting']);
    state.modelServed();
    expect(await readiness()).toEqual([503, 'redis-unreachable']);
    state.redisAnswered(Date.now());
    expect(await readiness()).toEqual([200, 'ready']);
    state.drainBegun();
    expect(await readiness()).toEqual([503, 'draining']);
  });

  it("shows the worker's metrics to Prometheus", async () => {
    const { status, headers, text } = await get(`${await openWorker()}/metrics`);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('drover_generation_tokens_per_second{model="drover-tiny",variant="8_0"} 0');
  });

  it('answers HEAD with the headers of GET alone', async () => {
    const url = `${await openWorker()}/healthz`;
    const [head, whole] = [await get(url, 'HEAD'), await get(url)];
    expect([head.status, head.text, head.headers.get('content-length')]).toEqual([
      200,
      '',
      String(whole.text.length),
    ]);
  });

  it.each([
    ['GET', '/nowhere', 404, 'route_not_found', null],
    ['GET', '/constructor', 404, 'route_not_found', null],
    ['POST', '/metrics', 405, 'method_not_allowed', 'GET, HEAD'],
  ])("%s %s is %i, in the service's error shape", async (method, path, status, code, allow) => {
    const answer = await get(`${await openWorker()}${path}`, method);
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
    expect(JSON.parse(answer.text).error).toMatchObject({ code, param: null });
  });

  it('answers 500 where a route fails, and goes on', async () => {
    const url = await open({
      '/broken': () => Promise.reject(new Error('secret detail')),
      '/whole': () => ({ status: 200, contentType: 'text/plain', body: 'yes' }),
    });
    const { status, text } = await get(`${url}/broken`);
    expect([status, JSON.parse(text).error.code]).toEqual([500, 'internal_error']);
    expect(text).not.toContain('secret detail');
    expect((await get(`${url}/whole`)).text).toBe('yes');
  });

  it('refuses headers that are too long', async () => {
    const { status } = await fetch(`${await openWorker()}/healthz`, { headers: { x: 'a'.repeat(9_000) } });
    expect(status).toBe(431);
  });

  it('rejects where the port is taken', async () => {
    const port = Number(new URL(await openWorker()).port);
    await expect(openHealthServer({ host: '127.0.0.1', port, routes: {}, logger })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });

  it('closes past silent, idle and half-sent connections, and past a request under way', async () => {
    const asked = Promise.withResolvers<void>();
    const url = await open({
      '/now': () => ({ status: 200, contentType: 'text/plain', body: 'now' }),
      '/never': () => {
        asked.resolve();
        return new Promise(() => undefined);
      },
    });
    const send = (start: string) => connectAndSend(Number(new URL(url).port), start);
    await send('');
    await send('GET /now HT');
    await once(await send('GET /now HTTP/1.1\r\nhost: a\r\n\r\n'), 'data');
    await send('GET /never HTTP/1.1\r\nhost: a\r\n\r\n');
    await asked.promise;
    await server?.close();
    server = undefined;
    await expect(fetch(`${url}/now`)).rejects.toThrow('fetch failed');
  });
});

async function connectAndSend(port: number, start: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(start);
  return socket;
}
