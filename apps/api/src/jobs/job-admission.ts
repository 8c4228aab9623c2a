import { Inject, Injectable } from '@nestjs/common';
import { resolveMaxTokens, sequenceCountOf, type SubmitJobRequest } from '#contracts';
import type { JobSubmitter } from '#queue';
import type { CheckedForm } from '#structured';
import { JOB_SUBMITTER } from '../backend/tokens.js';
import { ModelCatalogue } from '../models/model-catalogue.js';
import { ModelTokenizers } from '../models/model-tokenizers.js';
import { PromptCounter } from '../models/prompt-counter.js';
import { servedVariants } from '../models/served-variants.js';
import {
  chooseVariant,
  findCandidates,
  neededTokensOf,
  requireRoomForLogprobs,
  wantedVariantOf,
  type Candidate,
  type WantedVariant,
} from './admission.js';
import type { Placement } from './new-job.js';
import { mayExceed, requireRoomForForm } from './require-output-form.js';

/**
 * A worker that has left is sent jobs for this long, as one is that has died, until its heartbeat runs out.
 */
const WORKERS_MAX_AGE_MS = 500;

/** Gathers the facts that `admission.ts` decides by: models on disk, live workers, queues, prompt length. */
@Injectable()
export class JobAdmission {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    private readonly catalogue: ModelCatalogue,
    private readonly promptCounter: PromptCounter,
    private readonly tokenizers: ModelTokenizers,
  ) {}

  /**
   * Where the job goes.
   * @param form that its texts are held to; null for none
   * @throws DroverError for a job that no worker could serve, with the reason and the numbers
   */
  async place(request: SubmitJobRequest, form: CheckedForm | null, nowMs: number): Promise<Placement> {
    const wanted = wantedVariantOf(request);
    const candidates = await this.#candidates(wanted, nowMs);
    const largestContext = Math.max(...candidates.map((candidate) => candidate.contextTokens));
    const promptTokens = await this.promptCounter.count(wanted.model, request.input, largestContext);
    const chosen = await this.#choose(candidates, neededTokensOf(request.input, promptTokens), nowMs);
    const eachMaxTokens = resolveMaxTokens(request.input, promptTokens, chosen.contextTokens);
    if (form !== null && mayExceed(form, eachMaxTokens)) {
      const spelling = await this.tokenizers.spellingOf(chosen.model);
      if (spelling !== undefined) requireRoomForForm(form, eachMaxTokens, spelling);
    }
    const texts = sequenceCountOf(request.input);
    const echoedTokens = request.input.echo === true ? promptTokens : 0;
    requireRoomForLogprobs(request.input, texts * (echoedTokens + eachMaxTokens));
    const maxTokens = texts * eachMaxTokens;
    return { model: chosen.model, variant: chosen.variant, promptTokens, maxTokens };
  }

  /** Goes by the workers of a moment ago; nobody is refused by them. */
  async #candidates(wanted: WantedVariant, nowMs: number): Promise<readonly Candidate[]> {
    const known = await this.catalogue.models();
    const among = async (maxAgeMs: number) =>
      findCandidates(wanted, known, servedVariants(await this.submitter.liveWorkers(nowMs, maxAgeMs)));
    try {
      return await among(WORKERS_MAX_AGE_MS);
    } catch {
      return among(0);
    }
  }

  async #choose(candidates: readonly Candidate[], neededTokens: number, nowMs: number): Promise<Candidate> {
    // Queues are read only where there is something to choose.
    const depths = candidates.length > 1 ? await this.submitter.queueDepths(nowMs) : [];
    return chooseVariant(candidates, depths, neededTokens);
  }
}
