import { DroverError } from '#contracts';
import type { ApiMetrics } from '#observability';
import type { FastifyInstance } from 'fastify';
import type { Drain } from '../lifecycle/drain.js';
import type { Route } from './route-table.js';

const DRAINING_RETRY_S = 2;

/** What every request passes through, whatever route it is for. Call before the routes are registered. */
export function installHooks(
  fastify: FastifyInstance,
  parts: { readonly drain: Drain; readonly metrics: ApiMetrics; readonly routes: Route[] },
): void {
  const { drain, metrics, routes } = parts;
  fastify.decorateRequest('tenant', '');

  fastify.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) routes.push({ method: one, path: url });
  });

  fastify.addHook('onRequest', async (request, reply) => {
    drain.requestStarted();
    reply.raw.once('close', () => drain.requestEnded());
    void reply.header('x-request-id', request.id);
    if (drain.begun) void reply.header('connection', 'close');
    if (drain.begun && request.method === 'POST') {
      throw new DroverError('draining', 'This server is shutting down. Send the request again.', {
        retryAfterS: DRAINING_RETRY_S,
      });
    }
  });

  fastify.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched';
    if (route.endsWith('/events')) return;
    metrics.httpRequestSeconds.observe(
      { method: request.method, route, status: reply.statusCode },
      reply.elapsedTime / 1000,
    );
  });
}
