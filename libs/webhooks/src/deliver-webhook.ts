import { Agent, request, type Dispatcher } from 'undici';
import { judgeAnswer, type DeliveryOutcome } from './delivery-outcome.js';
import { AddressRefusedError, guardedConnector, type ConnectorOptions } from './guarded-connector.js';
import type { WebhookHeaders } from './sign-webhook.js';

interface WebhookRequest {
  readonly url: string;
  readonly body: string;
  readonly headers: WebhookHeaders;
}

/** Sends one signed request to a URL of the customer's choice. Never throws for what the receiver does. */
export interface WebhookSender {
  /** One attempt. Rejects only when `signal` aborts. */
  send(delivery: WebhookRequest, signal?: AbortSignal): Promise<DeliveryOutcome>;
  close(): Promise<void>;
}

/** So much of an answer is read, and thrown away, to let the connection end well. */
const MAX_ANSWER_BYTES = 16 * 1024;

/**
 * A sender behind a wall (see `DestinationWall`): no URL and no address that it refuses; redirects not
 * followed, no proxy from the environment, a fresh connection each time, answers ignored but for their status.
 */
export function createWebhookSender(options: ConnectorOptions): WebhookSender {
  const agent = new Agent({ connect: guardedConnector(options), pipelining: 0 });
  return {
    async send(delivery, signal) {
      const timeout = AbortSignal.timeout(options.timeoutMs);
      const either = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
      try {
        const reason = options.wall.refusalOf(delivery.url);
        return reason === null ? await post(agent, delivery, either) : { kind: 'refused', reason };
      } catch (error) {
        signal?.throwIfAborted();
        if (timeout.aborted) return failure(`no answer within ${options.timeoutMs} ms`);
        if (error instanceof AddressRefusedError) return { kind: 'refused', reason: error.message };
        return failure(errorCodeOf(error));
      }
    },
    close: () => agent.destroy(),
  };
}

async function post(
  agent: Dispatcher,
  { url, body, headers }: WebhookRequest,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const answer = await request(url, {
    dispatcher: agent,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', 'user-agent': 'Drover-Webhooks' },
    body,
    signal,
  });
  // The status has decided; a body that never ends must not undo it.
  await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal }).catch(() => undefined);
  const retryAfter = answer.headers['retry-after'];
  return judgeAnswer(answer.statusCode, typeof retryAfter === 'string' ? retryAfter : undefined, Date.now());
}

function failure(reason: string): DeliveryOutcome {
  return { kind: 'failed', statusCode: null, reason, retryAfterMs: null };
}

/** Short and from a known vocabulary (`ECONNREFUSED`): delivery logs hold no text of a receiver. */
function errorCodeOf(error: unknown): string {
  if (error instanceof AggregateError) return errorCodeOf(error.errors[0]);
  if (!(error instanceof Error)) return 'unknown error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
