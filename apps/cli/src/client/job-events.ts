import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { JobStatus, JobView } from '#contracts';

/** An event of `GET /v1/jobs/<id>/events` as it comes over the wire. */
export type JobStreamEvent = { readonly id: string } & (
  | { readonly type: 'status'; readonly status: JobStatus }
  | { readonly type: 'token'; readonly index: number; readonly text: string; readonly n: number }
  | { readonly type: 'done'; readonly job: JobView }
);

/** Reads server-sent events until the job is done or the stream ends; events of other types are passed over. */
export async function* readJobEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<JobStreamEvent> {
  const messages = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { id = '', event, data } of messages) {
    const read = readEvent(id, event, data);
    if (read !== undefined) yield read;
    if (read?.type === 'done') return;
  }
}

function readEvent(id: string, type: string | undefined, data: string): JobStreamEvent | undefined {
  if (type === 'status') {
    const { status }: { status: JobStatus } = JSON.parse(data);
    return { id, type, status };
  }
  if (type === 'token') {
    const { index, text, n }: { index: number; text: string; n: number } = JSON.parse(data);
    return { id, type, index, text, n };
  }
  return type === 'done' ? { id, type, job: JSON.parse(data) } : undefined;
}
