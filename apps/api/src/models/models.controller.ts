import { Controller, Get, Inject, Param } from '@nestjs/common';
import { DroverError } from '#contracts';
import type { JobSubmitter } from '#queue';
import { JOB_SUBMITTER } from '../backend/tokens.js';
import { ModelCatalogue } from './model-catalogue.js';
import type { ModelPage, ModelView } from './model-view.js';
import { describeServed, servedVariants } from './served-variants.js';
import { toModelViews } from './to-model-views.js';

@Controller('v1/models')
export class ModelsController {
  constructor(
    private readonly catalogue: ModelCatalogue,
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
  ) {}

  @Get()
  async list(): Promise<ModelPage> {
    const { views } = await this.#look();
    return { object: 'list', data: views };
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<ModelView> {
    const { views, served } = await this.#look();
    const view = views.find((model) => model.id === id);
    if (view !== undefined) return view;
    throw new DroverError(
      'model_not_found',
      `There is no model \`${id.slice(0, 80)}\` here. Served now: ${describeServed(served)}.`,
    );
  }

  async #look() {
    const [onDisk, workers] = await Promise.all([
      this.catalogue.models(),
      this.submitter.liveWorkers(Date.now()),
    ]);
    const served = servedVariants(workers);
    return { views: toModelViews(onDisk, served), served };
  }
}
