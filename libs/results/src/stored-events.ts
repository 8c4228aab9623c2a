import type { JobStatus, JobTokenEvent, TextEnd } from '#contracts';
import { decodeLogprobs, storedValue } from '#queue';
import type { StoredJobEvent } from './results.types.js';

/** One entry of the stream: id, then fields and values alternating. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/**
 * Events of entries read together. Neighbours of one text are joined under the last one's id; others never are, so that
 * a reader that goes on after any id misses nothing.
 */
export function toStoredEvents(entries: readonly StreamEntry[]): StoredJobEvent[] {
  const events: StoredJobEvent[] = [];
  for (const entry of entries) {
    const event = toStoredEvent(entry);
    const last = events.at(-1);
    if (event.type === 'token' && last?.type === 'token' && goesOn(last, event)) {
      events[events.length - 1] = join(last, event);
    } else {
      events.push(event);
    }
  }
  return events;
}

function toStoredEvent([id, fields]: StreamEntry): StoredJobEvent {
  // Names are at even places; a value may look like a name.
  const valueOf = (name: string) => {
    const at = fields.findIndex((field, i) => i % 2 === 0 && field === name);
    return at < 0 ? '' : (fields[at + 1] ?? '');
  };
  const type = valueOf('type');
  const status = storedValue<JobStatus>(valueOf('status'));
  if (type === 'token') return toTokenEvent(id, valueOf);
  if (type === 'done') return { id, type, status };
  return { id, type: 'status', status, attempt: Number(valueOf('attempt')) };
}

function toTokenEvent(id: string, valueOf: (name: string) => string): JobTokenEvent {
  const [logprobs, finish] = [valueOf('logprobs'), valueOf('finish')];
  return {
    id,
    type: 'token',
    index: Number(valueOf('index')),
    text: valueOf('text'),
    n: Number(valueOf('n')),
    ...(logprobs === '' ? {} : { logprobs: decodeLogprobs(logprobs) }),
    ...(finish === '' ? {} : { finishReason: storedValue<TextEnd>(finish) }),
  };
}

function goesOn(last: JobTokenEvent, next: JobTokenEvent): boolean {
  return last.index === next.index && attemptOf(last.id) === attemptOf(next.id);
}

function join(last: JobTokenEvent, next: JobTokenEvent): JobTokenEvent {
  const logprobs = [...(last.logprobs ?? []), ...(next.logprobs ?? [])];
  return {
    ...next,
    text: last.text + next.text,
    n: last.n + next.n,
    ...(logprobs.length === 0 ? {} : { logprobs }),
  };
}

function attemptOf(id: string): string {
  return id.slice(0, id.indexOf('-'));
}
