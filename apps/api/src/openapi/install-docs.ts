import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { DroverError, toApiErrorBody } from '#contracts';

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

/**
 * The OpenAPI document as a page under /docs. Its package takes longer to load than all of the API's own code, so it is
 * loaded by the first request for it.
 */
export function installDocs(fastify: FastifyInstance, open = openPage): void {
  let page: Promise<FastifyInstance> | undefined;
  const openOnce = (): Promise<FastifyInstance> => {
    page ??= open().catch((error: unknown) => {
      // The next request tries again.
      page = undefined;
      throw error;
    });
    return page;
  };
  const servePage = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    // The page builds URLs from the host it was asked for.
    if (!SANE_HOST.test(request.headers.host ?? '')) throw unreadableHost();
    const docs = await openOnce();
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
    docs.routing(request.raw, reply.raw);
  };
  fastify.get('/docs', servePage);
  fastify.get('/docs/*', servePage);
  fastify.addHook('onClose', async () => {
    const opened = await page?.catch(() => undefined);
    await opened?.close();
  });
}

async function openPage(): Promise<FastifyInstance> {
  const { default: apiReference } = await import('@scalar/fastify-api-reference');
  const page = Fastify();
  await page.register(apiReference, {
    routePrefix: '/docs',
    configuration: {
      url: '/openapi.json',
      pageTitle: 'Drover API',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      hideClientButton: true,
      showDeveloperTools: 'never',
    },
  });
  page.setNotFoundHandler((request, reply) => {
    const error = new DroverError(
      'route_not_found',
      `There is no ${request.url} here. The page is at /docs.`,
    );
    return reply.status(404).send(toApiErrorBody(error));
  });
  await page.ready();
  return page;
}

function unreadableHost(): DroverError {
  return new DroverError('invalid_value', 'The `host` header is not the name or address of a server.', {
    param: 'host',
  });
}
