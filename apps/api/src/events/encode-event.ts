import { DroverError, type JobEvent } from '#contracts';

/** Comment line that keeps proxies from closing a quiet stream. */
export const KEEP_ALIVE_FRAME = ': keep-alive\n\n';

/** One event as `text/event-stream` (WHATWG HTML, server-sent events). JSON has no raw newline, so one `data:` line does. */
export function encodeEvent(event: JobEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(dataOf(event))}\n\n`;
}

function dataOf(event: JobEvent): unknown {
  switch (event.type) {
    case 'status': {
      const { status, attempt, position } = event;
      return position === undefined ? { status, attempt } : { status, attempt, position };
    }
    case 'token':
      return { index: event.index, text: event.text, n: event.n };
    case 'done':
      return event.job;
    default:
      return event satisfies never;
  }
}

const EVENT_ID = /^\d{1,9}-\d{1,15}$/;

/**
 * Id after which a stream resumes: `?after=`, else the `Last-Event-ID` header that browsers send.
 * @throws DroverError `invalid_value` for an id that no stream ever had
 */
export function resumeIdOf(after: string | undefined, lastEventId: string | undefined): string | undefined {
  const id = after ?? (lastEventId === '' ? undefined : lastEventId);
  if (id === undefined || EVENT_ID.test(id)) return id;
  const param = after === undefined ? 'last-event-id' : 'after';
  throw new DroverError(
    'invalid_value',
    `\`${param}\` must be the id of an event of this stream, such as 1-42; leave it out to start from the beginning.`,
    { param },
  );
}
