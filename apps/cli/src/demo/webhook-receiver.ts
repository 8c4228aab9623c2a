import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { LOOPBACK } from '../system/ports.js';

interface VerifiedDelivery {
  readonly webhookId: string;
  readonly signature: string;
  readonly bytes: number;
  readonly body: { readonly type: string; readonly data: { readonly id: string; readonly status: string } };
}

/** What a customer runs: takes deliveries and verifies each with the standardwebhooks library. */
export interface WebhookReceiver {
  readonly url: string;
  /** The first delivery that verifies; rejects when one does not, or when the signal aborts. */
  delivery(signal: AbortSignal): Promise<VerifiedDelivery>;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 64 * 1024;

export async function startWebhookReceiver(secret: string): Promise<WebhookReceiver> {
  const verified = Promise.withResolvers<VerifiedDelivery>();
  // Nobody may be waiting yet when a delivery fails to verify.
  verified.promise.catch(() => undefined);
  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      verified.resolve(await verify(request, secret));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(401).end();
      verified.reject(error);
    }
  };
  const server = createServer((request, response) => void receive(request, response));
  await once(server.listen(0, LOOPBACK), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the webhook receiver has no port');
  return {
    url: `http://${LOOPBACK}:${address.port}/hook`,
    delivery(signal) {
      signal.addEventListener('abort', () => verified.reject(signal.reason), { once: true });
      return verified.promise;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function verify(request: IncomingMessage, secret: string): Promise<VerifiedDelivery> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`a delivery of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(part);
  }
  const text = Buffer.concat(chunks).toString();
  const header = (name: string) => String(request.headers[name]);
  const webhookId = header('webhook-id');
  const signature = header('webhook-signature');
  new Webhook(secret).verify(text, {
    'webhook-id': webhookId,
    'webhook-timestamp': header('webhook-timestamp'),
    'webhook-signature': signature,
  });
  return { webhookId, signature, bytes, body: JSON.parse(text) };
}
