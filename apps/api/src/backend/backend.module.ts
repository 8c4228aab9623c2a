import { Global, Inject, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import type { ApiSettings } from '#config';
import type { ApiMetrics, Logger } from '#observability';
import { createJobSubmitter, createRedisSubscriber, type JobSubmitter, type RedisSubscriber } from '#queue';
import { createJobEventFeed, createJobReader, type JobEventFeed, type JobReader } from '#results';
import { DestinationWall } from '#webhooks';
import type { Redis } from 'ioredis';
import type { Route } from '../http/route-table.js';
import { wallOptionsOf } from '../webhooks/wall-options.js';
import {
  JOB_EVENT_FEED,
  JOB_READER,
  JOB_SUBMITTER,
  LOGGER,
  METRICS,
  REDIS,
  ROUTES,
  SETTINGS,
  SUBSCRIBER,
} from './tokens.js';

export interface ApiParts {
  readonly settings: ApiSettings;
  readonly logger: Logger;
  readonly metrics: ApiMetrics;
  readonly routes: readonly Route[];
  /** Closed with the app. */
  readonly redis: Redis;
}

/** What the whole app shares: settings, log, metrics and the ways into Redis, closed when requests are done. */
@Global()
@Module({})
export class BackendModule implements OnApplicationShutdown {
  constructor(
    @Inject(JOB_SUBMITTER) private readonly submitter: JobSubmitter,
    @Inject(JOB_READER) private readonly reader: JobReader,
    @Inject(JOB_EVENT_FEED) private readonly feed: JobEventFeed,
    @Inject(SUBSCRIBER) private readonly subscriber: RedisSubscriber,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  static forRoot({ settings, logger, metrics, routes, redis }: ApiParts): DynamicModule {
    const {
      REDIS_URL: redisUrl,
      DROVER_MAX_QUEUED_JOBS: maxQueuedJobs,
      DROVER_MAX_QUEUED_TOKENS: maxQueuedTokens,
    } = settings;
    const providers = [
      { provide: SETTINGS, useValue: settings },
      { provide: LOGGER, useValue: logger },
      { provide: METRICS, useValue: metrics },
      { provide: ROUTES, useValue: routes },
      { provide: REDIS, useValue: redis },
      { provide: DestinationWall, useValue: new DestinationWall(wallOptionsOf(settings)) },
      {
        provide: JOB_SUBMITTER,
        useFactory: () => createJobSubmitter({ redisUrl, maxQueuedJobs, maxQueuedTokens, logger }),
      },
      { provide: SUBSCRIBER, useFactory: () => createRedisSubscriber(redisUrl, logger) },
      {
        provide: JOB_READER,
        useFactory: (subscriber: RedisSubscriber) => createJobReader({ redisUrl, subscriber, logger }),
        inject: [SUBSCRIBER],
      },
      {
        provide: JOB_EVENT_FEED,
        useFactory: (subscriber: RedisSubscriber) => createJobEventFeed({ redisUrl, subscriber, logger }),
        inject: [SUBSCRIBER],
      },
    ];
    return { module: BackendModule, providers, exports: providers.map(({ provide }) => provide) };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled([this.feed.close(), this.reader.close(), this.submitter.close()]);
    this.subscriber.close();
    this.redis.disconnect();
  }
}
