import { Module } from '@nestjs/common';
import { ModelCatalogue } from './model-catalogue.js';
import { ModelsController } from './models.controller.js';
import { PromptCounter } from './prompt-counter.js';

@Module({
  controllers: [ModelsController],
  providers: [ModelCatalogue, PromptCounter],
  exports: [ModelCatalogue, PromptCounter],
})
export class ModelsModule {}
