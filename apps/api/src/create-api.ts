import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { ApiSettings } from '#config';
import { createApiMetrics, type Logger } from '#observability';
import { connectRedis } from '#queue';
import { ApiModule } from './api.module.js';
import { answerClientError, answerUnroutable } from './http/client-error.js';
import { installHooks } from './http/install-hooks.js';
import { installJsonBody } from './http/json-body.js';
import { NestLogger } from './http/nest-logger.js';
import { requestIdOf } from './http/request-id.js';
import type { Route } from './http/route-table.js';
import { Drain } from './lifecycle/drain.js';
import { installDocs } from './openapi/install-docs.js';

/** The API, ready to `listen()`. */
export async function createApi(settings: ApiSettings, logger: Logger): Promise<NestFastifyApplication> {
  const routes: Route[] = [];
  const metrics = createApiMetrics();
  const redis = connectRedis(settings.REDIS_URL, 'api', logger);
  const adapter = new FastifyAdapter({
    bodyLimit: settings.DROVER_BODY_LIMIT_BYTES,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => requestIdOf(request.headers['x-request-id']),
    // While it closes, the drain answers in the service's own error shape.
    return503OnClosing: false,
    // The drain has waited for open requests; what is left are idle connections, which would hold the close for a minute.
    forceCloseConnections: true,
    clientErrorHandler: answerClientError,
    frameworkErrors: answerUnroutable,
    routerOptions: { maxParamLength: 256 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(
    ApiModule.forRoot({ settings, logger, metrics, routes, redis }),
    adapter,
    { bodyParser: false, logger: new NestLogger(logger), abortOnError: false },
  );
  const fastify = adapter.getInstance();
  installJsonBody(fastify);
  installHooks(fastify, { drain: app.get(Drain), metrics, routes });
  await app.init();
  // Only now, so that its errors go through the service's filter too.
  installDocs(fastify);
  return app;
}
