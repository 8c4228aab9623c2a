import type { FastifyReply } from 'fastify';

/** Aborts once the caller's connection has closed, answered or not. */
export function callerLeft(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => controller.abort());
  return controller.signal;
}
