import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { WebhookBody } from '#contracts';
import { aborted } from '../../apps/cli/src/supervision/interrupts.js';

const HOST = '127.0.0.1';
const ARRIVES_WITHIN_MS = 10_000;

/** A receiver of webhooks that notes when each arrived. */
export interface WebhookArrivals {
  readonly url: string;
  /** Milliseconds from a job's `finished_at`, which is cut to whole milliseconds, to the arrival of its event. */
  latencyMs(jobId: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export async function receiveWebhooks(): Promise<WebhookArrivals> {
  const arrivals = new Map<string, PromiseWithResolvers<number>>();
  const arrivalOf = (jobId: string) => {
    const known = arrivals.get(jobId) ?? Promise.withResolvers<number>();
    arrivals.set(jobId, known);
    return known;
  };
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const arrivedAtMs = performance.timeOrigin + performance.now();
    const { data } = await readBody(request);
    arrivalOf(data.id).resolve(arrivedAtMs - Date.parse(data.finished_at ?? data.created_at));
    response.writeHead(204).end();
  };
  const server = createServer((request, response) => void receive(request, response));
  await once(server.listen(0, HOST), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The webhook receiver has no port.');
  return {
    url: `http://${HOST}:${address.port}/`,
    async latencyMs(jobId, signal) {
      const stop = AbortSignal.any([signal, AbortSignal.timeout(ARRIVES_WITHIN_MS)]);
      const latencyMs = await Promise.race([arrivalOf(jobId).promise, aborted(stop)]);
      if (latencyMs === undefined) throw new Error(`No webhook of ${jobId} arrived.`, { cause: stop.reason });
      arrivals.delete(jobId);
      return latencyMs;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function readBody(request: IncomingMessage): Promise<WebhookBody> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return JSON.parse(Buffer.concat(chunks).toString());
}
