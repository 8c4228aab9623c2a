import { DroverError } from '#contracts';
import type { FastifyInstance } from 'fastify';

/** JSON is the only body this service reads. An empty one counts as none: clients send the header on DELETE too. */
export function installJsonBody(fastify: FastifyInstance): void {
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => {
    const text = body.toString();
    if (text.trim() === '') {
      done(null, undefined);
      return;
    }
    try {
      done(null, JSON.parse(text));
    } catch (error) {
      done(invalidJson(error), undefined);
    }
  });
}

function invalidJson(error: unknown): DroverError {
  const reason = error instanceof Error ? error.message.slice(0, 200) : '';
  return new DroverError('invalid_json', `The body is not valid JSON: ${reason}`, { cause: error });
}
