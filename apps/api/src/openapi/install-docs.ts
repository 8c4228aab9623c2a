import apiReference from '@scalar/fastify-api-reference';
import { DroverError } from '#contracts';
import type { FastifyInstance } from 'fastify';

/** The page brings its own script; the policy holds it to loading nothing from anywhere else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const SANE_HOST = /^[A-Za-z0-9._-]+(:\d{1,5})?$|^\[[0-9A-Fa-f:.]+\](:\d{1,5})?$/;

/** The OpenAPI document as a page under /docs. */
export async function installDocs(fastify: FastifyInstance): Promise<void> {
  await fastify.register(apiReference, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Drover API',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      hideClientButton: true,
    },
    hooks: {
      onRequest: (request, reply, done) => {
        void reply.header('content-security-policy', CONTENT_SECURITY_POLICY);
        // The page builds URLs from the host it was asked for.
        done(SANE_HOST.test(request.headers.host ?? '') ? undefined : unreadableHost());
      },
    },
  });
}

function unreadableHost(): DroverError {
  return new DroverError('invalid_value', 'The `host` header is not the name or address of a server.', {
    param: 'host',
  });
}
