import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import type { WebhookBody } from '#contracts';
import { LOOPBACK } from '../../apps/cli/src/system/ports.js';
import type { WebhookArrival, WebhookDestination } from './judge-webhooks.js';

/** Every so many deliveries the receiver refuses one, though never twice the same, so that some have to come again. */
const REFUSED_EVERY = 25;

/** Takes the deliveries of all jobs, and verifies each with the standardwebhooks library. */
export interface WebhookReceiver {
  readonly arrivals: readonly WebhookArrival[];
  /** Deliveries answered with 503. */
  readonly refused: number;
  urlOf(destination: WebhookDestination): string;
  /** What deliveries to this destination are signed with. */
  expectSecret(destination: WebhookDestination, secret: string): void;
  close(): Promise<void>;
}

export async function receiveWebhooks(): Promise<WebhookReceiver> {
  const arrivals: WebhookArrival[] = [];
  const secrets = new Map<string, string>();
  const refused = new Set<string>();
  let deliveries = 0;
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    deliveries += 1;
    const delivery = `${request.url} ${String(request.headers['webhook-id'])}`;
    if (deliveries % REFUSED_EVERY === 0 && !refused.has(delivery)) {
      refused.add(delivery);
      response.writeHead(503).end();
      return;
    }
    const destination = request.url === '/endpoint' ? 'endpoint' : 'job';
    arrivals.push(readArrival(destination, secrets.get(destination) ?? '', request, Buffer.concat(chunks)));
    response.writeHead(204).end();
  };
  const server = createServer((request, response) => {
    // A sender killed in the middle of its request has delivered nothing.
    receive(request, response).catch(() => response.destroy());
  });
  await once(server.listen(0, LOOPBACK), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The webhook receiver has no port.');
  return {
    arrivals,
    get refused() {
      return refused.size;
    },
    urlOf: (destination) => `http://${LOOPBACK}:${address.port}/${destination}`,
    expectSecret: (destination, secret) => void secrets.set(destination, secret),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function readArrival(
  destination: WebhookDestination,
  secret: string,
  { headers }: IncomingMessage,
  body: Buffer,
): WebhookArrival {
  const webhookId = String(headers['webhook-id']);
  const { type, data }: WebhookBody = JSON.parse(body.toString());
  let forged: string | null = null;
  try {
    new Webhook(secret).verify(body, {
      'webhook-id': webhookId,
      'webhook-timestamp': String(headers['webhook-timestamp']),
      'webhook-signature': String(headers['webhook-signature']),
    });
  } catch (error) {
    forged = String(error);
  }
  return { destination, webhookId, type, job: data, forged };
}
