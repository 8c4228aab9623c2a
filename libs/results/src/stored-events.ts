import { storedValue } from '#queue';
import type { JobStatus } from '#contracts';
import type { StoredJobEvent } from './results.types.js';

/** One entry of the stream: id, then fields and values alternating. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Events of entries read together; the text of neighbours is joined under the last one's id. */
export function toStoredEvents(entries: readonly StreamEntry[]): StoredJobEvent[] {
  const events: StoredJobEvent[] = [];
  for (const entry of entries) {
    const event = toStoredEvent(entry);
    const last = events.at(-1);
    if (event.type === 'token' && last?.type === 'token' && attemptOf(last.id) === attemptOf(event.id)) {
      events[events.length - 1] = { ...event, text: last.text + event.text, n: last.n + event.n };
    } else {
      events.push(event);
    }
  }
  return events;
}

function toStoredEvent([id, fields]: StreamEntry): StoredJobEvent {
  // Names are at even places; a value may look like a name.
  const valueOf = (name: string) =>
    fields[fields.findIndex((field, i) => i % 2 === 0 && field === name) + 1] ?? '';
  const type = valueOf('type');
  const status = storedValue<JobStatus>(valueOf('status'));
  if (type === 'token') return { id, type, index: 0, text: valueOf('text'), n: Number(valueOf('n')) };
  if (type === 'done') return { id, type, status };
  return { id, type: 'status', status, attempt: Number(valueOf('attempt')) };
}

function attemptOf(id: string): string {
  return id.slice(0, id.indexOf('-'));
}
