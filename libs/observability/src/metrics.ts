import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/**
 * Every metric of the service, declared once. Names end in their unit. No label carries a tenant or a job id.
 * Processes register only the group they feed: `createApiMetrics`, `createWorkerMetrics`.
 */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const TOKEN_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

const MODEL_LABELS = ['model', 'variant'] as const;

export function createApiMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    queueJobs: new Gauge({
      name: 'drover_queue_depth_jobs',
      help: 'Jobs in the queue of a variant, by state (waiting, active).',
      labelNames: [...MODEL_LABELS, 'state'],
      registers,
    }),
    queueWaitingTokens: new Gauge({
      name: 'drover_queue_waiting_tokens',
      help: 'Tokens of the jobs that wait for a variant: their prompts and the most that each may generate.',
      labelNames: MODEL_LABELS,
      registers,
    }),
    queueOldestWaitingSeconds: new Gauge({
      name: 'drover_queue_oldest_waiting_seconds',
      help: 'Age of the job that has waited longest; 0 when none waits.',
      labelNames: MODEL_LABELS,
      registers,
    }),
    liveWorkers: new Gauge({
      name: 'drover_live_workers',
      help: 'Workers with a fresh heartbeat.',
      labelNames: MODEL_LABELS,
      registers,
    }),
    deadLetters: new Gauge({
      name: 'drover_dead_letters_jobs',
      help: 'Quarantined jobs of all configured API keys that nobody has retried yet.',
      registers,
    }),
    jobsSubmitted: new Counter({
      name: 'drover_jobs_submitted_total',
      help: 'Jobs acknowledged with 202.',
      labelNames: MODEL_LABELS,
      registers,
    }),
    jobsRetried: new Counter({
      name: 'drover_jobs_retried_total',
      help: 'Ended jobs that their clients had run again.',
      labelNames: MODEL_LABELS,
      registers,
    }),
    serviceJobsFinished: new Counter({
      name: 'drover_service_jobs_finished_total',
      help: 'Jobs ended in the whole service, by final status. Redis counts them with the change itself, so every API process shows the same number.',
      labelNames: [...MODEL_LABELS, 'status'],
      registers,
    }),
    webhookEndpoints: new Gauge({
      name: 'drover_webhook_endpoints',
      help: 'Standing webhook endpoints of all configured API keys, by state (enabled, disabled).',
      labelNames: ['state'],
      registers,
    }),
    webhookDeliveries: new Counter({
      name: 'drover_webhook_deliveries_total',
      help: 'Webhook attempts by outcome (delivered, retry, gave_up, refused).',
      labelNames: ['outcome'],
      registers,
    }),
    httpRequestSeconds: new Histogram({
      name: 'drover_http_request_duration_seconds',
      help: 'Time to answer an HTTP request, event streams excluded.',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers,
    }),
    eventStreams: new Gauge({
      name: 'drover_open_event_streams',
      help: 'Event streams that are open now.',
      registers,
    }),
  };
}

export function createWorkerMetrics(model: string, variant: string) {
  const registry = new Registry();
  registry.setDefaultLabels({ model, variant });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    jobsFinished: new Counter({
      name: 'drover_jobs_finished_total',
      help: 'Jobs this worker ended, by final status.',
      labelNames: ['status'],
      registers,
    }),
    lateWrites: new Counter({
      name: 'drover_late_writes_refused_total',
      help: 'Writes of an attempt that had lost its job, refused by Redis.',
      labelNames: ['kind'],
      registers,
    }),
    attemptsFailed: new Counter({
      name: 'drover_attempts_failed_total',
      help: 'Attempts that the engine failed, by what failed (broken_logits, out_of_memory, run_failed, …); their jobs are tried again twice.',
      labelNames: ['reason'],
      registers,
    }),
    resumedTokens: new Counter({
      name: 'drover_resumed_tokens_total',
      help: 'Tokens of lost attempts that were run again to go on from them.',
      registers,
    }),
    prefixQueryTokens: new Counter({
      name: 'drover_prefix_cache_query_tokens_total',
      help: 'Prompt tokens that were looked up in the prefix cache.',
      registers,
    }),
    prefixHitTokens: new Counter({
      name: 'drover_prefix_cache_hit_tokens_total',
      help: 'Prompt tokens that came from the prefix cache; over the looked-up ones the hit rate.',
      registers,
    }),
    draftedTokens: new Counter({
      name: 'drover_drafted_tokens_total',
      help: 'Tokens that were drafted from the texts themselves.',
      registers,
    }),
    acceptedTokens: new Counter({
      name: 'drover_accepted_draft_tokens_total',
      help: 'Drafted tokens that turned out right.',
      registers,
    }),
    preemptions: new Counter({
      name: 'drover_preemptions_total',
      help: 'Texts that lost their place in the full key-value cache, to be recomputed later.',
      registers,
    }),
    promptTokens: new Counter({
      name: 'drover_prompt_tokens_total',
      help: 'Prompt tokens prefilled.',
      registers,
    }),
    generatedTokens: new Counter({
      name: 'drover_generated_tokens_total',
      help: 'Tokens generated.',
      registers,
    }),
    tokensPerSecond: new Gauge({
      name: 'drover_generation_tokens_per_second',
      help: 'Generated tokens per second over the last seconds.',
      registers,
    }),
    timeToFirstTokenSeconds: new Histogram({
      name: 'drover_time_to_first_token_seconds',
      help: 'From submission to the first token.',
      buckets: SECONDS,
      registers,
    }),
    interTokenSeconds: new Histogram({
      name: 'drover_inter_token_seconds',
      help: 'Time between two tokens of one sequence.',
      buckets: TOKEN_SECONDS,
      registers,
    }),
    queueWaitSeconds: new Histogram({
      name: 'drover_queue_wait_seconds',
      help: 'From submission to the start of the first attempt.',
      buckets: SECONDS,
      registers,
    }),
    endToEndSeconds: new Histogram({
      name: 'drover_job_duration_seconds',
      help: 'From submission to the final status.',
      labelNames: ['status'],
      buckets: SECONDS,
      registers,
    }),
    slotsUsed: new Gauge({ name: 'drover_slots_used', help: 'Slots that hold a sequence.', registers }),
    slots: new Gauge({ name: 'drover_slots', help: 'Slots of this worker.', registers }),
    kvCacheTokens: new Gauge({
      name: 'drover_kv_cache_used_tokens',
      help: 'Tokens in the key-value cache.',
      registers,
    }),
    kvCacheCapacityTokens: new Gauge({
      name: 'drover_kv_cache_capacity_tokens',
      help: 'Most tokens that the key-value cache may hold.',
      registers,
    }),
    kvCacheUsedRatio: new Gauge({
      name: 'drover_kv_cache_used_ratio',
      help: 'Share of the key-value cache that holds tokens, 0 to 1.',
      registers,
    }),
    kvCacheBytes: new Gauge({
      name: 'drover_kv_cache_bytes',
      help: 'Bytes of the key-value cache.',
      registers,
    }),
    device: new Gauge({
      name: 'drover_device_info',
      help: 'Always 1; its labels say what this worker runs on. Without a GPU they are empty but for the device.',
      labelNames: ['device', 'uuid', 'name', 'driver'],
      registers,
    }),
    deviceMemoryBytes: new Gauge({
      name: 'drover_device_memory_bytes',
      help: 'Memory of the GPU that this worker runs on; absent on the CPU.',
      registers,
    }),
    prefixCacheBytes: new Gauge({
      name: 'drover_prefix_cache_bytes',
      help: 'Bytes of the store of common beginnings of prompts; 0 where they are not kept apart.',
      registers,
    }),
    serving: new Gauge({
      name: 'drover_serving_info',
      help: 'Always 1; its labels say how the model is run.',
      labelNames: ['threads', 'spinning', 'speculation'],
      registers,
    }),
    batchRows: new Histogram({
      name: 'drover_batch_size_sequences',
      help: 'Sequences decoded together in one step.',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers,
    }),
    stepSeconds: new Histogram({
      name: 'drover_step_duration_seconds',
      help: 'Time of one engine step.',
      buckets: TOKEN_SECONDS,
      registers,
    }),
  };
}

export type ApiMetrics = ReturnType<typeof createApiMetrics>;
export type WorkerMetrics = ReturnType<typeof createWorkerMetrics>;
