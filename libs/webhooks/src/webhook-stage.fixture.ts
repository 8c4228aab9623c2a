import 'reflect-metadata';
import { getQueueToken } from '@nestjs/bullmq';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { WebhookTarget } from '#contracts';
import { createApiMetrics, createLogger } from '#observability';
import { connectRedis, createJobSubmitter, storedValue, whenReady, type JobSubmitter } from '#queue';
import {
  newTestJob,
  requireNativeRedis,
  startTestRedis,
  startWebhookReceiver,
  type TestRedis,
  type WebhookReceiver,
} from '#testing';
import { DeliveryLog, type DeliveryLogEntry } from './delivery-log.js';
import { EndpointStore } from './endpoint-store.js';
import { WebhookDeliveries } from './webhook-deliveries.js';
import type { WebhookDelivery } from './webhook-delivery.js';
import { WEBHOOK_QUEUE } from './webhook.processor.js';
import { WebhooksModule, type WebhooksOptions } from './webhooks.module.js';

export const TENANT = 'public';
export const silentLogger = createLogger('spec', 'silent');
export const shortSchedule = { delaysMs: [0, 40, 40, 40], jitter: 0.1 };

/** One API process's webhooks. */
export interface Replica {
  readonly metrics: ReturnType<typeof createApiMetrics>;
  readonly queue: Queue<WebhookDelivery>;
  readonly endpoints: EndpointStore;
  readonly deliveries: WebhookDeliveries;
  /** Attempts for a job or at an endpoint, oldest first. */
  attempts(owner: string): Promise<readonly DeliveryLogEntry[]>;
  close(): Promise<void>;
}

/** A Redis, a receiver, and whatever replicas a spec starts; everything is closed after each test. */
export interface WebhookStage {
  server: TestRedis;
  redis: Redis;
  jobs: JobSubmitter;
  receiver: WebhookReceiver;
  startReplica(options?: Partial<WebhooksOptions>): Promise<Replica>;
  /** Ends a job for good, by way of the queue: submitted and cancelled before any worker had it. */
  endJob(webhook: WebhookTarget | null): Promise<string>;
  /** Both connections of the stage serve again. */
  redisIsBack(): Promise<void>;
}

export function setWebhookStage(): WebhookStage {
  const replicas = new Set<TestingModule>();
  // Filled before the first test.
  const stage = storedValue<WebhookStage>({ startReplica, endJob, redisIsBack });

  beforeAll(async () => {
    stage.server = await startTestRedis();
    stage.redis = connectRedis(stage.server.url, 'api');
    await whenReady(stage.redis, 5_000);
    const limits = { maxQueuedJobs: 10_000, logger: silentLogger };
    stage.jobs = await createJobSubmitter({ redisUrl: stage.server.url, ...limits });
  });

  beforeEach(async (context) => {
    requireNativeRedis(context, stage.server);
    stage.receiver = await startWebhookReceiver();
  });

  afterEach(async () => {
    await Promise.all([...replicas].map((replica) => replica.close()));
    replicas.clear();
    await stage.receiver.close();
    await stage.redis.flushall();
  });

  afterAll(async () => {
    await stage.jobs.close();
    stage.redis.disconnect();
    await stage.server.close();
  });

  async function startReplica(options: Partial<WebhooksOptions> = {}): Promise<Replica> {
    const metrics = createApiMetrics();
    const defaults = { redisUrl: stage.server.url, allowPrivate: true, timeoutMs: 2_000, metrics };
    const webhooks = { ...defaults, schedule: shortSchedule, logger: silentLogger, ...options };
    const replica = await Test.createTestingModule({ imports: [WebhooksModule.forRoot(webhooks)] }).compile();
    replicas.add(replica);
    await replica.init();
    const log = new DeliveryLog(stage.redis);
    return {
      metrics,
      queue: replica.get(getQueueToken(WEBHOOK_QUEUE)),
      endpoints: replica.get(EndpointStore),
      deliveries: replica.get(WebhookDeliveries),
      attempts: async (owner) => (await log.read(owner, { limit: 1_000 })).entries.toReversed(),
      close() {
        replicas.delete(replica);
        return replica.close();
      },
    };
  }

  async function endJob(webhook: WebhookTarget | null): Promise<string> {
    const job = newTestJob({ tenant: TENANT, webhook });
    await stage.jobs.submit(job);
    expect((await stage.jobs.cancel(TENANT, job.id, Date.now())).kind).toBe('cancelled');
    return job.id;
  }

  async function redisIsBack(): Promise<void> {
    await expect.poll(() => stage.redis.ping().catch(() => 'away'), { timeout: 10_000 }).toBe('PONG');
    await expect
      .poll(() =>
        stage.jobs.queueDepths(Date.now()).then(
          () => 'there',
          () => 'away',
        ),
      )
      .toBe('there');
  }

  return stage;
}

/** How the last attempt for a job or at an endpoint ended. */
export const endedAs = (replica: Replica, owner: string) =>
  expect.poll(async () => (await replica.attempts(owner)).at(-1)?.outcome, { timeout: 10_000 });
