import { Inject, Injectable } from '@nestjs/common';
import type { JobInput } from '#contracts';
import type { Logger } from '#observability';
import { LOGGER } from '../backend/tokens.js';
import { countPromptTokens } from './count-prompt-tokens.js';
import { ModelTokenizers } from './model-tokenizers.js';

/** Counts prompts with each model's own tokenizer. */
@Injectable()
export class PromptCounter {
  constructor(
    private readonly tokenizers: ModelTokenizers,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Tokens of the prompt; past `contextTokens` a lower bound. A model whose files are on its workers
   * only counts as 0 here, and its worker refuses what does not fit.
   */
  async count(model: string, input: JobInput, contextTokens: number): Promise<number> {
    const tokenizer = await this.tokenizers.of(model);
    if (tokenizer === undefined) {
      this.logger.warn({ model }, 'no tokenizer of this model on disk: prompt length not checked');
      return 0;
    }
    return countPromptTokens(tokenizer, input, contextTokens);
  }
}
