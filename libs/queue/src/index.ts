export type * from './queue.types.js';
export { isDoneEventId } from './event-ids.js';
export { newJobId, jobIdTimeMs } from './job-id.js';
export { createJobSubmitter, type JobSubmitterOptions } from './job-submitter.js';
export { createJobWorker, type JobWorkerOptions } from './worker/job-worker.js';
export { AttemptAborted, type AbortKind } from './worker/attempt-aborted.js';
export { fetchJob, visibleJob, withheld } from './fetch-job.js';
export { reportWorkerDeath, type WorkerDeathReport } from './report-worker-death.js';
export { decodeJobRecord } from './job-record-codec.js';
export { readAnnouncedJob } from './announced-job.js';
export { encodeOutboxEntry, parseOutboxEntry, type OutboxEntry } from './outbox-entry.js';
export { BULL_PREFIX, queueNameOf, redisKeys } from './redis-keys.js';
export {
  connectRedis,
  orUnavailable,
  pingRedis,
  whenReady,
  type RedisConnectionKind,
} from './redis-connection.js';
export { pipelineReplies } from './pipeline-replies.js';
export { decodeLogprobs } from './shown-tokens.js';
export { storedValue } from './stored-value.js';
export { createRedisSubscriber, type RedisSubscriber } from './redis-subscriber.js';
export { GpuClaims, type GpuClaimOutcome, type GpuClaimsOptions, type GpuHolder } from './gpu/gpu-claims.js';
export { launchRedis, type LaunchedRedis, type LaunchRedisOptions } from './redis-server/launch-redis.js';
