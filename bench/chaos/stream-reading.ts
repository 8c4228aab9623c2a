import type { JobView } from '#contracts';
import type { StreamEvent, StreamFacts } from './job-facts.js';

/** Most disorders that are told of one stream. */
const TOLD = 5;

/** Puts a job's stream together from what its connections bring. */
export class StreamReading implements StreamFacts {
  text = '';
  readonly ends: JobView[] = [];
  readonly outOfOrder: string[] = [];
  resumed = 0;
  lastId: string | undefined;

  push({ id, type, data }: StreamEvent): void {
    if (this.lastId !== undefined && !isAfter(id, this.lastId) && this.outOfOrder.length < TOLD) {
      this.outOfOrder.push(`${id} after ${this.lastId}`);
    }
    this.lastId = id;
    if (type === 'token' && isToken(data)) this.text += data.text;
    if (type === 'done' && isJob(data)) this.ends.push(data);
  }
}

/** Ids are `<attempt>-<n>` and ascend. */
function isAfter(id: string, before: string): boolean {
  const [attempt, n] = numbersOf(id);
  const [attemptBefore, nBefore] = numbersOf(before);
  return attempt > attemptBefore || (attempt === attemptBefore && n > nBefore);
}

function numbersOf(id: string): [number, number] {
  const [attempt, n] = id.split('-');
  return [Number(attempt), Number(n)];
}

function isToken(data: unknown): data is { readonly text: string } {
  return typeof data === 'object' && data !== null && 'text' in data && typeof data.text === 'string';
}

function isJob(data: unknown): data is JobView {
  return typeof data === 'object' && data !== null && 'object' in data && data.object === 'job';
}
