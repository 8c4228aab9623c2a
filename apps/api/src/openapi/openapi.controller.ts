import { Controller, Get } from '@nestjs/common';
import { NeedsNoKey } from '../http/api-key.guard.js';
import { API_VERSION } from '../version.js';
import { buildOpenApi } from './build-openapi.js';

@Controller('openapi.json')
@NeedsNoKey()
export class OpenApiController {
  readonly #document = buildOpenApi(API_VERSION);

  @Get()
  document(): Record<string, unknown> {
    return this.#document;
  }
}
