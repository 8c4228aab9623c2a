import { createHash } from 'node:crypto';
import type { ModelRef } from '#contracts';

/**
 * The only maker of Redis keys. The braces put every key into one slot of a Redis Cluster, which scripts over
 * several keys need.
 */
const PREFIX = '{drover}';

/** ZSET: a tenant's quarantined jobs, by the time of that. Scripts append the tenant themselves. */
export const DEAD_LETTERS_PREFIX = `${PREFIX}:dead:`;

/** Prefix of BullMQ's own keys. */
export const BULL_PREFIX = `${PREFIX}:bull`;

/** BullMQ refuses ':' in a queue's name; model names hold none. */
export function queueNameOf({ model, variant }: ModelRef): string {
  return `infer-${model}-${variant}`;
}

export const redisKeys = {
  /** HASH: the job's record. */
  job: (jobId: string) => `${PREFIX}:job:${jobId}`,
  /** HASH: the record as a run of the job left it, kept at a retry where its events may not have been told yet. */
  formerRun: (jobId: string, generation: number) => `${PREFIX}:job:${jobId}:run:${generation}`,
  /** STREAM of the job's events; its name is also the channel that wakes the stream's readers. */
  events: (jobId: string) => `${PREFIX}:tok:${jobId}`,
  /** ZSET, equal scores: a tenant's job ids, which sort by age. */
  tenantJobs: (tenant: string) => `${PREFIX}:tenant:${tenant}`,
  deadLetters: (tenant: string) => `${DEAD_LETTERS_PREFIX}${tenant}`,
  /** ZSET of `watchMember`: every job that left something in Redis, by the time to look at it next. */
  watch: `${PREFIX}:watch`,
  /** STRING held by the process that reviews the watched jobs. */
  reviewTurn: `${PREFIX}:review-turn`,
  /** HASH: by tenant, the event types that its standing endpoints want, with commas between. */
  webhookSubscribers: `${PREFIX}:webhook-subscribers`,
  /** HASH of a tenant's standing endpoints: id to JSON. */
  webhookEndpoints: (tenant: string) => `${PREFIX}:webhook-endpoints:${tenant}`,
  /** LIST of `outboxEntry`: webhook events that are due, newest at the head. */
  webhookOutbox: `${PREFIX}:webhook-outbox`,
  /** LIST of those entries that a relay is handing to the delivery queue. */
  webhookOutboxInHand: `${PREFIX}:webhook-outbox:in-hand`,
  /** STREAM of the attempts to tell a job's events, or of those at a standing endpoint. */
  deliveryLog: (owner: string) => `${PREFIX}:delivery-log:${owner}`,
  /** STRING: the signing secret of webhooks that bring none, where none is configured. */
  webhookSecret: `${PREFIX}:webhook-secret`,
  /** SET of `<model> <variant>`: the queues ever used. */
  queues: `${PREFIX}:queues`,
  /** HASH of `<model> <variant> <status>`: how many jobs ended so. */
  finishedJobs: `${PREFIX}:finished`,
  /** Channel that carries the ids of running jobs to be cancelled. */
  cancellations: `${PREFIX}:cancel`,
  /** HASH: who holds an idempotency key and for which body. Clients choose the key, so it is hashed. */
  idempotency: (tenant: string, key: string) =>
    `${PREFIX}:idem:${tenant}:${createHash('sha256').update(key).digest('hex')}`,
  /** HASH: what waits and runs in a queue, in jobs and tokens by priority, and what its jobs were like lately. */
  load: ({ model, variant }: ModelRef) => `${PREFIX}:load:${model}:${variant}`,
  /** STRING: a worker's heartbeat, gone when it falls silent. */
  worker: (workerId: string) => `${PREFIX}:worker:${workerId}`,
  /** ZSET of worker ids by last heartbeat. */
  workers: `${PREFIX}:workers`,
  /** STRING: who uses a GPU of a host, gone when it falls silent. */
  gpu: (host: string, uuid: string) => `${PREFIX}:gpu:${host}:${uuid}`,
  bull: {
    job: (ref: ModelRef, jobId: string) => bullKey(ref, jobId),
    /** STRING: the token of the worker that holds the job. */
    lock: (ref: ModelRef, jobId: string) => `${bullKey(ref, jobId)}:lock`,
    /** ZSET of waiting jobs by priority, then age. */
    prioritized: (ref: ModelRef) => bullKey(ref, 'prioritized'),
    /** STRING: number of jobs that were prioritized, the lower half of their scores. */
    counter: (ref: ModelRef) => bullKey(ref, 'pc'),
    /** LIST of jobs to run before those: jobs whose worker was lost. The next one is at the tail. */
    wait: (ref: ModelRef) => bullKey(ref, 'wait'),
    /** ZSET of jobs put off for a while, by the time they come back. */
    delayed: (ref: ModelRef) => bullKey(ref, 'delayed'),
    active: (ref: ModelRef) => bullKey(ref, 'active'),
  },
} as const;

/** Member of the watch set; tenants are digests or plain words and hold no '/'. */
export function watchMember(tenant: string, jobId: string): string {
  return `${tenant}/${jobId}`;
}

export function parseWatchMember(member: string): { tenant: string; jobId: string } {
  const slash = member.lastIndexOf('/');
  return { tenant: member.slice(0, slash), jobId: member.slice(slash + 1) };
}

function bullKey(ref: ModelRef, name: string): string {
  return `${BULL_PREFIX}:${queueNameOf(ref)}:${name}`;
}
