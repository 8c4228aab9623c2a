import { Injectable } from '@nestjs/common';
import { TokenSpelling } from '#structured';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { ModelCatalogue } from './model-catalogue.js';

/** Each model's own tokenizer, loaded at its first job. */
@Injectable()
export class ModelTokenizers {
  readonly #tokenizers = new Map<string, Promise<Tokenizer>>();
  readonly #spellings = new WeakMap<Tokenizer, TokenSpelling>();

  constructor(private readonly catalogue: ModelCatalogue) {}

  /** Undefined for a model whose files are on its workers only. */
  async of(model: string): Promise<Tokenizer | undefined> {
    const directory = await this.catalogue.tokenizerDirectoryOf(model);
    return directory === undefined ? undefined : this.#tokenizerIn(directory);
  }

  /** The bytes of the model's tokens, gathered where they are first asked for; undefined as `of`. */
  async spellingOf(model: string): Promise<TokenSpelling | undefined> {
    const tokenizer = await this.of(model);
    if (tokenizer === undefined) return undefined;
    const spelling = this.#spellings.get(tokenizer) ?? new TokenSpelling(tokenizer.tokenBytes());
    this.#spellings.set(tokenizer, spelling);
    return spelling;
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
