import { Inject, Injectable } from '@nestjs/common';
import { resolveMaxTokens, type SubmitJobRequest } from '#contracts';
import type { JobSubmitter } from '#queue';
import { JOB_SUBMITTER } from '../backend/tokens.js';
import { ModelCatalogue } from '../models/model-catalogue.js';
import { PromptCounter } from '../models/prompt-counter.js';
import { servedVariants } from '../models/served-variants.js';
import {
  chooseVariant,
  findCandidates,
  neededTokensOf,
  wantedVariantOf,
  type Candidate,
} from './admission.js';
import type { Placement } from './new-job.js';

/** Gathers the facts that `admission.ts` decides by: models on disk, live workers, queues, prompt length. */
@Injectable()
export class JobAdmission {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    private readonly catalogue: ModelCatalogue,
    private readonly promptCounter: PromptCounter,
  ) {}

  /**
   * Where the job goes.
   * @throws DroverError for a job that no worker could serve, with the reason and the numbers
   */
  async place(request: SubmitJobRequest, nowMs: number): Promise<Placement> {
    const wanted = wantedVariantOf(request);
    const [known, workers] = await Promise.all([this.catalogue.models(), this.submitter.liveWorkers(nowMs)]);
    const candidates = findCandidates(wanted, known, servedVariants(workers));
    const largestContext = Math.max(...candidates.map((candidate) => candidate.contextTokens));
    const promptTokens = await this.promptCounter.count(wanted.model, request.input, largestContext);
    const chosen = await this.#choose(candidates, neededTokensOf(request.input, promptTokens), nowMs);
    const maxTokens = resolveMaxTokens(request.input, promptTokens, chosen.contextTokens);
    return { model: chosen.model, variant: chosen.variant, promptTokens, maxTokens };
  }

  async #choose(candidates: readonly Candidate[], neededTokens: number, nowMs: number): Promise<Candidate> {
    // Queues are read only where there is something to choose.
    const depths = candidates.length > 1 ? await this.submitter.queueDepths(nowMs) : [];
    return chooseVariant(candidates, depths, neededTokens);
  }
}
