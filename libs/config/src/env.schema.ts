import { z } from 'zod';
import { VARIANT_NAME } from '#contracts';

const integer = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const flag = z
  .enum(['0', '1', 'true', 'false'])
  .default('0')
  .transform((text) => text === '1' || text === 'true');

const keyList = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((key) => key.trim())
      .filter((key) => key !== ''),
  )
  .refine((keys) => keys.every((key) => key.length >= 16), 'every API key needs at least 16 characters');

const webhookAllowList = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )
  .pipe(
    z.array(
      z.union(
        [z.cidrv4(), z.cidrv6(), z.ipv6(), z.string().regex(/^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i)],
        {
          error: (issue) =>
            `${JSON.stringify(issue.input)} is no network (10.1.0.0/16), address or host (hook.corp, *.corp)`,
        },
      ),
    ),
  );

/** Settings that every process shares. */
const commonShape = {
  NODE_ENV: z
    .enum(['development', 'production', 'test'])
    .default('development')
    .describe('`production` refuses the in-memory Redis.'),
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .default('redis://127.0.0.1:6379')
    .describe('Redis of the queue. `npm start` and `npm run demo` start one where this is unset.'),
  DROVER_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least severe log line that is written.'),
  DROVER_MODELS_DIR: z.string().default('models').describe('Checkpoints, one folder a model.'),
  DROVER_DATA_DIR: z.string().default('.data').describe('Built variants and the embedded Redis.'),
};

export const apiEnvSchema = z.object({
  ...commonShape,
  DROVER_API_HOST: z
    .string()
    .optional()
    .describe('Address to listen on. Default 127.0.0.1 without keys, 0.0.0.0 with keys.'),
  DROVER_API_PORT: integer(3000, 0, 65535).describe('Port of the API; 0 takes a free one.'),
  DROVER_API_KEYS: keyList.describe(
    'Comma-separated API keys, 16 characters or more each. A job belongs to the key that made it.',
  ),
  DROVER_BODY_LIMIT_BYTES: integer(4 * 1024 * 1024, 1024, 64 * 1024 * 1024).describe('Largest request body.'),
  DROVER_MAX_QUEUED_JOBS: integer(100_000, 1, 10_000_000).describe(
    'Most waiting jobs of one variant; over it the answer is 429.',
  ),
  DROVER_MAX_QUEUED_TOKENS: integer(100_000_000, 1, 1e12).describe(
    'Most tokens that may wait for one variant, prompts and `max_tokens` together; over it the answer is 429.',
  ),
  DROVER_MAX_EVENT_STREAMS: integer(1_000, 1, 100_000).describe(
    'Most event streams open at once on one API process.',
  ),
  DROVER_WEBHOOK_SECRET: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/)
    .optional()
    .describe('Signing secret of webhooks that bring none of their own.'),
  DROVER_WEBHOOK_ALLOW_PRIVATE: flag.describe('1 lets webhooks go to private and loopback addresses.'),
  DROVER_WEBHOOK_ALLOW: webhookAllowList.describe(
    'Comma-separated networks and hosts (`10.1.0.0/16`, `hook.corp`, `*.corp`) that webhooks may reach beside public addresses.',
  ),
  DROVER_WEBHOOK_PER_HOST: integer(4, 1, 256).describe(
    'Most deliveries to one host at once, by one API process.',
  ),
  DROVER_WEBHOOK_TIMEOUT_MS: integer(15_000, 100, 60_000).describe('Longest wait for a webhook receiver.'),
  DROVER_DRAIN_S: integer(30, 0, 600).describe('Longest drain at SIGTERM, in seconds.'),
});

export const workerEnvSchema = z.object({
  ...commonShape,
  DROVER_MODEL: z.string().default('drover-tiny').describe('Model this worker serves.'),
  DROVER_VARIANT: z
    .string()
    .regex(VARIANT_NAME)
    .default('6_5')
    .describe('The one variant this worker serves.'),
  DROVER_DEVICE: z
    .string()
    .regex(/^(auto|cpu|(webgpu|cuda)(:\d{1,3})?)$/)
    .default('cpu')
    .describe(
      '`cpu`, `webgpu[:n]`, `cuda[:n]`, or `auto`: a GPU that no other worker of this host has, else the CPU.',
    ),
  DROVER_SLOTS: integer(8, 1, 256).describe('Sequences that run at once.'),
  DROVER_CONTEXT: integer(0, 0, 1_048_576).describe("Context in tokens; 0 takes the model's own."),
  DROVER_KV_CACHE_MIB: integer(0, 0, 16 * 1024 * 1024).describe(
    'Most memory for keys and values; over it the youngest texts wait and are recomputed. 0 holds every slot full.',
  ),
  DROVER_PREFIX_CACHE_MIB: integer(256, 0, 16 * 1024 * 1024).describe(
    'Memory that keeps common beginnings of prompts; 0 keeps none.',
  ),
  DROVER_SPECULATION: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Drafts tokens from the text itself while few texts run and it pays.'),
  DROVER_THREADS: integer(0, 0, 256).describe('Threads of ONNX Runtime; 0 takes half of the cores.'),
  DROVER_PREFILL_CHUNK: integer(256, 2, 8192).describe('Prompt tokens of one prefill chunk.'),
  DROVER_WORKER_HOST: z
    .string()
    .default('127.0.0.1')
    .describe("Address of the worker's health and metrics port."),
  DROVER_WORKER_PORT: integer(0, 0, 65535).describe('Port for health and metrics; 0 takes a free one.'),
  DROVER_DRAIN_S: integer(30, 0, 600).describe(
    'Longest drain at SIGTERM, in seconds; another worker goes on with what still runs then.',
  ),
  DROVER_FLIGHT_RECORD: z
    .string()
    .default('')
    .describe('File that names the jobs of each step before it runs, for a supervisor. `drover` sets it.'),
});

export const launcherEnvSchema = z.object({
  ...commonShape,
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .optional()
    .describe('Use this Redis and start none.'),
  DROVER_REDIS: z
    .enum(['auto', 'embedded'])
    .default('auto')
    .describe('`embedded` forces the in-memory Redis where a real one is found.'),
  DROVER_API_HOST: apiEnvSchema.shape.DROVER_API_HOST,
  DROVER_API_PORT: apiEnvSchema.shape.DROVER_API_PORT,
  DROVER_MODEL: workerEnvSchema.shape.DROVER_MODEL,
  DROVER_VARIANTS: z
    .string()
    .default('8_0,6_5,5_0')
    .transform((text) => text.split(','))
    .pipe(z.array(z.string().regex(VARIANT_NAME)))
    .describe('Variants that `npm start` runs, one worker each; on a GPU `6_5` is served as `6_5-gpu`.'),
  DROVER_DEVICE: workerEnvSchema.shape.DROVER_DEVICE,
  DROVER_DRAIN_S: workerEnvSchema.shape.DROVER_DRAIN_S,
});
