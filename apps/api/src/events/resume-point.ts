import { DroverError } from '#contracts';

/** Attempt and number, both of them exact doubles. */
const EVENT_ID = /^\d{1,9}-\d{1,16}$/;

/** The event after which a stream resumes, and the field of the request that names it. */
export interface ResumePoint {
  readonly eventId: string;
  readonly param: 'after' | 'last-event-id';
}

/**
 * Where a stream resumes: after `?after=`, else after the `Last-Event-ID` header that browsers send.
 * @throws DroverError `invalid_value` for what is no id of an event
 */
export function resumePointOf(
  after: string | undefined,
  lastEventId: string | undefined,
): ResumePoint | undefined {
  const eventId = after ?? (lastEventId === '' ? undefined : lastEventId);
  if (eventId === undefined) return undefined;
  const point = { eventId, param: after === undefined ? 'last-event-id' : 'after' } as const;
  if (!EVENT_ID.test(eventId)) throw noSuchEvent(point);
  return point;
}

/** An id that this stream never gave out. */
export function noSuchEvent({ param }: ResumePoint): DroverError {
  return new DroverError(
    'invalid_value',
    `\`${param}\` must be the id of an event of this stream, such as 1-42; leave it out to start from the beginning.`,
    { param },
  );
}
