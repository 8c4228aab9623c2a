import { isDeterministic } from '#contracts';
import type { ChaosLoad } from './chaos-load.js';
import { referenceOf, type Reference } from './job-facts.js';
import type { JobPlan } from './plan-jobs.js';
import { SeededRandom } from './seeded-random.js';

/** Jobs at once while nothing is broken; few where time is measured, for the workers share the cores of one machine. */
const REFERENCES_AT_ONCE = 24;
const CANCELS_AT_ONCE = 6;

const PLAIN = {
  priority: 5,
  submitTwice: false,
  following: 'stream',
  dropStreamAfter: null,
  cancelAfterMs: null,
  webhook: false,
} as const satisfies Partial<JobPlan>;

/** What the undisturbed service makes of each request; null where it would make something else of it each time. */
export async function measureReferences(load: ChaosLoad): Promise<(Reference | null)[]> {
  const references: (Reference | null)[] = [];
  await each(load.requests.length, REFERENCES_AT_ONCE, async (request) => {
    const job = await load.submit({ ...PLAIN, request });
    await job.live();
    const end = await job.untilEnded();
    if (end?.status !== 'succeeded') {
      throw new Error(`Undisturbed, job ${job.id} ended ${end?.status}: ${JSON.stringify(end?.error)}`);
    }
    references[request] = isDeterministic(load.requestAt(request)) ? referenceOf(end) : null;
  });
  return references;
}

/** Milliseconds from each DELETE of a running job to its client's sight of the end. */
export async function measureCancels(load: ChaosLoad, seed: number, jobs: number): Promise<number[]> {
  const random = new SeededRandom(seed);
  const cancelsMs: number[] = [];
  await each(jobs, CANCELS_AT_ONCE, async (index) => {
    const cancelAfterMs = random.between(20, 600);
    const job = await load.submit({ ...PLAIN, request: index % load.requests.length, cancelAfterMs });
    await job.live();
    if (job.cancelMs !== undefined) cancelsMs.push(job.cancelMs);
  });
  return cancelsMs;
}

async function each(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  const left = Array.from({ length: count }, (_, index) => index).values();
  const workOn = async () => {
    for (const index of left) await work(index);
  };
  await Promise.all(Array.from({ length: atOnce }, workOn));
}
