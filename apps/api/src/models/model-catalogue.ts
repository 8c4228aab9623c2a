import { Inject, Injectable } from '@nestjs/common';
import type { ApiSettings } from '#config';
import type { Logger } from '#observability';
import { LOGGER, SETTINGS } from '../backend/tokens.js';
import { readModels, type ModelOnDisk } from './read-models.js';

/** How long a look at the disk is good for. */
const FRESH_MS = 5_000;

/** The models on disk, read again every few seconds at most. */
@Injectable()
export class ModelCatalogue {
  #reading: Promise<readonly ModelOnDisk[]> | undefined;
  #readAtMs = 0;

  constructor(
    @Inject(SETTINGS) private readonly settings: ApiSettings,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  models(): Promise<readonly ModelOnDisk[]> {
    const nowMs = Date.now();
    if (this.#reading === undefined || nowMs - this.#readAtMs > FRESH_MS) {
      this.#readAtMs = nowMs;
      this.#reading = readModels(this.settings.DROVER_MODELS_DIR, this.settings.DROVER_DATA_DIR, (file, error) =>
        this.logger.warn({ err: error, file }, 'model left out: its files cannot be used'),
      );
    }
    return this.#reading;
  }

  async tokenizerDirectoryOf(model: string): Promise<string | undefined> {
    return (await this.models()).find((one) => one.name === model)?.directory;
  }
}
