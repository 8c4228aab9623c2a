export {
  buildDroverTinyVariant,
  droverTinyCheckpoint,
  readGoldenChats,
  type GoldenChat,
} from './models/drover-tiny.js';
export {
  encodeSafetensors,
  writeRandomCheckpoint,
  type RandomCheckpointOptions,
  type RandomLlamaShape,
  type StoredTensor,
} from './models/random-checkpoint.js';
export { writeForeignLlama, type ForeignLayout } from './models/foreign-llama.js';
export { writeGrowingCacheModel, writeLookupModel } from './models/plain-models.js';
export { buildRandomLlama, type RandomLlamaOptions } from './models/random-llama.js';
export { watchModelRunner } from './models/watch-model-runner.js';
export { TcpProxy } from './network/tcp-proxy.js';
export {
  RECEIVER_ANSWER,
  startWebhookReceiver,
  type ReceivedWebhook,
  type WebhookReceiver,
} from './network/webhook-receiver.js';
export { requireNativeRedis } from './redis/require-native-redis.js';
export { startTestRedis, type TestRedis } from './redis/start-test-redis.js';
export { newTestHeartbeat } from './redis/new-test-heartbeat.js';
export { newTestJob, succeededAttempt, testAppend, testChoices } from './redis/new-test-job.js';
export { until } from './redis/until.js';
export { AppProcess, type ExitStatus } from './processes/app-process.js';
export {
  startChildWorker,
  startLaunchingParent,
  type SourceProcess,
} from './processes/start-source-process.js';
