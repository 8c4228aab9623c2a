import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { loadApiSettings, type Environment } from '#config';
import { createLogger } from '#observability';
import supertest from 'supertest';
import { createApi } from '../../apps/api/src/create-api.js';

export interface RunningApi {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly http: ReturnType<typeof supertest>;
  close(): Promise<void>;
}

/** Two clients, each with a key of its own. */
export const ALICE = { authorization: 'Bearer key-of-alice-000001' };
export const BOB = { authorization: 'Bearer key-of-bob-00000002' };
export const TWO_KEYS = { DROVER_API_KEYS: 'key-of-alice-000001,key-of-bob-00000002' };

/** The real API in this process on a free port, over the repository's models and an empty data folder. */
export async function startApi(redisUrl: string, env: Environment = {}): Promise<RunningApi> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drover-api-'));
  const settings = loadApiSettings({
    REDIS_URL: redisUrl,
    DROVER_MODELS_DIR: 'models',
    DROVER_DATA_DIR: dataDir,
    DROVER_DRAIN_S: '5',
    ...env,
  });
  const app = await createApi(
    settings,
    createLogger('drover-api', process.env['DROVER_TEST_LOG'] ?? 'silent'),
  );
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  return {
    app,
    url,
    http: supertest(url),
    async close() {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
