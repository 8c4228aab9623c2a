import type { JobInput, SubmitJobRequest } from '#contracts';
import type { ChaosClient } from './chaos-client.js';
import { MODEL, VARIANT } from './chaos-system.js';
import { LiveJob } from './live-job.js';
import type { JobPlan } from './plan-jobs.js';

/** Every job of a run, and how it is asked for. */
export class ChaosLoad {
  /** Acknowledged, in the order of their acknowledgement. */
  readonly jobs: LiveJob[] = [];
  #submissions = 0;

  constructor(
    private readonly client: ChaosClient,
    readonly requests: readonly JobInput[],
    private readonly webhook: Exclude<SubmitJobRequest['webhook'], undefined>,
  ) {}

  async submit(plan: JobPlan): Promise<LiveJob> {
    this.#submissions += 1;
    const submission = `submission-${this.#submissions}`;
    const job = await LiveJob.submit(this.client, plan, this.#requestOf(plan, submission), submission);
    this.jobs.push(job);
    return job;
  }

  requestAt(index: number): JobInput {
    const input = this.requests[index];
    if (input === undefined) throw new Error(`There is no request ${index}. This is a bug of the plan.`);
    return input;
  }

  #requestOf(plan: JobPlan, submission: string): SubmitJobRequest {
    return {
      model: MODEL,
      variant: VARIANT,
      input: this.requestAt(plan.request),
      priority: plan.priority,
      metadata: { submission },
      // With every worker broken at once nobody serves the variant for a while.
      wait_for_worker: true,
      ...(plan.webhook ? { webhook: this.webhook } : {}),
    };
  }
}
