import { EventSourceParserStream } from 'eventsource-parser/stream';

export interface Read {
  readonly id: string;
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the server sent, for the test to check
  readonly data: any;
}

/** Events of a stream as a standard parser sees them, until it ends or `until` holds. */
export async function readEvents(
  url: string,
  init: RequestInit = {},
  until: (event: Read) => boolean = () => false,
): Promise<{ response: Response; events: Read[] }> {
  const response = await fetch(url, init);
  const events: Read[] = [];
  if (response.body === null) return { response, events };
  const parsed = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream());
  for await (const message of parsed) {
    const read = { id: message.id ?? '', event: message.event ?? '', data: JSON.parse(message.data) };
    events.push(read);
    if (until(read)) break;
  }
  return { response, events };
}

/** Text of the token events. */
export function textOf(events: readonly Read[]): string {
  return events
    .filter((event) => event.event === 'token')
    .map((event) => String(event.data.text))
    .join('');
}
