import { setTimeout as sleep } from 'node:timers/promises';
import { ApiAnswerError, ApiAwayError, type DroverClient } from './drover-client.js';
import type { JobStreamEvent } from './job-events.js';

export interface FollowOptions {
  /** Longest time without any event or connection after which the break is an error. */
  readonly giveUpAfterMs?: number;
  /** Called once per break, before the first try to go on. */
  readonly onBreak?: () => void;
}

const GIVE_UP_AFTER_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * A job's events to its end, each once, over breaks: where the API goes away in the middle, this waits for it, or for
 * the one that takes its place, and resumes after the last event seen.
 * @throws the error of the last try when it has not come back in time; an API that is not there at first is no break
 */
export async function* followJob(
  client: DroverClient,
  jobId: string,
  { giveUpAfterMs = GIVE_UP_AFTER_MS, onBreak = () => {} }: FollowOptions = {},
): AsyncGenerator<JobStreamEvent> {
  let lastId: string | undefined;
  let brokenSinceMs: number | undefined;
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    let failure: unknown;
    try {
      for await (const event of client.events(jobId, undefined, lastId)) {
        lastId = event.id;
        brokenSinceMs = undefined;
        pauseMs = FIRST_PAUSE_MS;
        yield event;
        if (event.type === 'done') return;
      }
      failure = new ApiAwayError(`The event stream of ${jobId} ended before the job did.`);
    } catch (error) {
      failure = error;
    }
    if (lastId === undefined || !mayPass(failure)) throw failure;
    if (brokenSinceMs === undefined) onBreak();
    brokenSinceMs ??= performance.now();
    if (performance.now() - brokenSinceMs > giveUpAfterMs) throw failure;
    await sleep(pauseMs);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** Away, draining, cut off from Redis, or holding all the streams it can. */
function mayPass(failure: unknown): boolean {
  if (failure instanceof ApiAnswerError) return failure.status === 503 || failure.status === 429;
  return failure instanceof ApiAwayError;
}
