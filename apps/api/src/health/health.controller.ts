import { Controller, Get, Inject } from '@nestjs/common';
import { DroverError } from '#contracts';
import { orUnavailable } from '#queue';
import type { Redis } from 'ioredis';
import { REDIS } from '../backend/tokens.js';
import { NeedsNoKey } from '../http/api-key.guard.js';
import { Drain } from '../lifecycle/drain.js';
import { describeStore, type StoreFacts } from './describe-store.js';

@Controller()
@NeedsNoKey()
export class HealthController {
  constructor(
    @Inject(REDIS) private readonly redis: Redis,
    private readonly drain: Drain,
  ) {}

  /** The process lives; says nothing about what it depends on. */
  @Get('healthz')
  alive(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Requests can be served: Redis answers and no shutdown has begun. */
  @Get('readyz')
  async ready(): Promise<{ status: 'ready'; store: StoreFacts }> {
    if (this.drain.begun) throw new DroverError('draining', 'This server is shutting down.');
    return { status: 'ready', store: describeStore(await orUnavailable(() => this.redis.info())) };
  }
}
