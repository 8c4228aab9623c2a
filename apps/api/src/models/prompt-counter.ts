import { Inject, Injectable } from '@nestjs/common';
import type { JobInput } from '#contracts';
import type { Logger } from '#observability';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { LOGGER } from '../backend/tokens.js';
import { countPromptTokens } from './count-prompt-tokens.js';
import { ModelCatalogue } from './model-catalogue.js';

/** Counts prompts with each model's own tokenizer, loaded at its first job. */
@Injectable()
export class PromptCounter {
  readonly #tokenizers = new Map<string, Promise<Tokenizer>>();

  constructor(
    private readonly catalogue: ModelCatalogue,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Tokens of the prompt; past `contextTokens` a lower bound. A model whose files are on its workers
   * only counts as 0 here, and its worker refuses what does not fit.
   */
  async count(model: string, input: JobInput, contextTokens: number): Promise<number> {
    const directory = await this.catalogue.tokenizerDirectoryOf(model);
    if (directory === undefined) {
      this.logger.warn({ model }, 'no tokenizer of this model on disk: prompt length not checked');
      return 0;
    }
    return countPromptTokens(await this.#tokenizerIn(directory), input, contextTokens);
  }

  #tokenizerIn(directory: string): Promise<Tokenizer> {
    const loaded = this.#tokenizers.get(directory);
    if (loaded !== undefined) return loaded;
    const loading = loadTokenizer(directory);
    this.#tokenizers.set(directory, loading);
    // A file that is repaired later is read again.
    loading.catch(() => this.#tokenizers.delete(directory));
    return loading;
  }
}
