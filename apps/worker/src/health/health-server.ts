import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { DroverError, describeErrorCode, toApiErrorBody } from '#contracts';
import type { Logger } from '#observability';

export interface HealthAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** What answers GET, by path without the query. */
export type HealthRoutes = Readonly<Record<string, () => HealthAnswer | Promise<HealthAnswer>>>;

export interface HealthServer {
  /** Base address, such as `http://127.0.0.1:9100`. */
  readonly url: string;
  /** Answers what has been asked and ends in bounded time. */
  close(): Promise<void>;
}

export interface HealthServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly routes: HealthRoutes;
  readonly logger: Logger;
}

/** Probes and scrapers are few and send no body: whoever exceeds this is none of them. */
const LIMITS = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
} as const;
const MAX_CONNECTIONS = 128;
/** Longer than the usual interval between two scrapes. */
const KEEP_ALIVE_MS = 70_000;
/** Time for answers under way when the server closes. */
const CLOSE_GRACE_MS = 500;

/** Serves GET and HEAD of the routes; errors have the service's one shape. Rejects where the port cannot be opened. */
export async function openHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const { host, port, routes, logger } = options;
  const server = createServer({ ...LIMITS, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    void answerRequest(routes, request, logger).then((answer) => send(request, response, answer));
  });
  server.maxConnections = MAX_CONNECTIONS;
  await once(server.listen(port, host), 'listening');
  return { url: urlOf(server), close: () => close(server) };
}

export function jsonAnswer(status: number, body: unknown): HealthAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: JSON.stringify(body) };
}

async function answerRequest(
  routes: HealthRoutes,
  request: IncomingMessage,
  logger: Logger,
): Promise<HealthAnswer> {
  const { method = '', url = '/' } = request;
  const path = url.split('?', 1)[0] ?? '/';
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) {
    const known = Object.keys(routes).join(', ');
    return errorAnswer(new DroverError('route_not_found', `There is no ${path} here, only ${known}.`));
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return errorAnswer(new DroverError('method_not_allowed', `${path} takes GET, HEAD, not ${method}.`));
  }
  try {
    return await route();
  } catch (err) {
    logger.error({ err, path }, 'request failed');
    return errorAnswer(new DroverError('internal_error', `${path} failed. The worker's log has the reason.`));
  }
}

function errorAnswer(error: DroverError): HealthAnswer {
  return jsonAnswer(describeErrorCode(error.code).httpStatus, toApiErrorBody(error));
}

function send(request: IncomingMessage, response: ServerResponse, answer: HealthAnswer): void {
  const { status, contentType, body } = answer;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** `server.close` ends idle connections at once and busy ones with their answer; the rest end when the grace is over. */
async function close(server: Server): Promise<void> {
  const overdue = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  server.close();
  await once(server, 'close');
  clearTimeout(overdue);
}

function urlOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The health port is not bound.');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
