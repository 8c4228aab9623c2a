import { Module } from '@nestjs/common';
import { ModelCatalogue } from './model-catalogue.js';
import { ModelTokenizers } from './model-tokenizers.js';
import { ModelsController } from './models.controller.js';
import { PromptCounter } from './prompt-counter.js';

@Module({
  controllers: [ModelsController],
  providers: [ModelCatalogue, ModelTokenizers, PromptCounter],
  exports: [ModelCatalogue, ModelTokenizers, PromptCounter],
})
export class ModelsModule {}
