import type { Socket } from 'node:net';
import { DroverError, describeErrorCode, toApiErrorBody } from '#contracts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { requestIdOf } from './request-id.js';

/** Answers a URL that the router cannot read; no hook and no filter sees such a request. */
export function answerUnroutable(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const problem =
    error.code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? new DroverError('route_not_found', 'A part of this path is longer than any id is.')
      : new DroverError('invalid_value', 'The URL cannot be read: its path is not validly encoded.');
  const { httpStatus } = describeErrorCode(problem.code);
  void reply.header('x-request-id', request.id).status(httpStatus).send(toApiErrorBody(problem));
}

/** Answers what never became a request (broken HTTP, too long headers) in the service's error shape. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const problem = new DroverError('invalid_value', `The request could not be read as HTTP: ${status.text}.`);
  const body = JSON.stringify(toApiErrorBody(problem));
  socket.end(
    `HTTP/1.1 ${status.line}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nx-request-id: ${requestIdOf(undefined)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

function statusOf(code: string | undefined): { line: string; text: string } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { line: '431 Request Header Fields Too Large', text: 'its headers are too long' };
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { line: '408 Request Timeout', text: 'it did not arrive in time' };
  }
  return { line: '400 Bad Request', text: 'it is malformed' };
}
