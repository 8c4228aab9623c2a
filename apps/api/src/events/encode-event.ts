import { toLogprobsView, type JobEvent } from '#contracts';

/** Comment line that keeps proxies from closing a quiet stream. */
export const KEEP_ALIVE_FRAME = ': keep-alive\n\n';

/** One event as `text/event-stream` (WHATWG HTML, server-sent events). JSON has no raw newline, so one `data:` line does. */
export function encodeEvent(event: JobEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(dataOf(event))}\n\n`;
}

function dataOf(event: JobEvent): unknown {
  switch (event.type) {
    case 'status': {
      const { status, attempt, position, etaS } = event;
      return position === undefined ? { status, attempt } : { status, attempt, position, eta_s: etaS };
    }
    case 'token': {
      const { index, text, n, logprobs, finishReason } = event;
      return {
        index,
        text,
        n,
        ...(logprobs === undefined ? {} : { logprobs: logprobs.map(toLogprobsView) }),
        ...(finishReason === undefined ? {} : { finish_reason: finishReason }),
      };
    }
    case 'done':
      return event.job;
    default:
      return event satisfies never;
  }
}
