import { orUnavailable } from '#queue';
import type { Redis } from 'ioredis';

/**
 * Whether a reader of the stream may have been given this id: an event of the stream, or one before its first, which
 * was of a run whose events a retry has removed. Any other was never given out, and after it nothing would come.
 */
export async function mayResumeAfter(redis: Redis, stream: string, eventId: string): Promise<boolean> {
  const [[held], [first]] = await orUnavailable(() =>
    Promise.all([redis.xrange(stream, eventId, eventId), redis.xrange(stream, '-', '+', 'COUNT', 1)]),
  );
  return held !== undefined || first === undefined || isBefore(eventId, first[0]);
}

function isBefore(a: string, b: string): boolean {
  const [attemptA = 0, nA = 0] = a.split('-').map(Number);
  const [attemptB = 0, nB = 0] = b.split('-').map(Number);
  return attemptA < attemptB || (attemptA === attemptB && nA < nB);
}
