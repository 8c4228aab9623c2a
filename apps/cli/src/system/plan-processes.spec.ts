import { expect, it } from 'vitest';
import { loadLauncherSettings } from '#config';
import { planProcesses } from './plan-processes.js';

const programs = { api: 'api.js', worker: 'worker.js' };
const redis = 'redis://127.0.0.1:7000';

it('the system is one API and one worker for each variant, on one Redis', () => {
  const settings = loadLauncherSettings({ DROVER_VARIANTS: '8_0,5_0', DROVER_MODEL: 'other' });
  expect(planProcesses(settings, redis, programs)).toEqual({
    api: { name: 'api', program: 'api.js', env: { REDIS_URL: redis, DROVER_API_PORT: '3000' } },
    workers: ['8_0', '5_0'].map((variant) => ({
      name: `worker-${variant}`,
      program: 'worker.js',
      env: { REDIS_URL: redis, DROVER_MODEL: 'other', DROVER_VARIANT: variant, DROVER_DEVICE: 'cpu' },
      serves: { redisUrl: redis, model: 'other', variant },
    })),
  });
});

it('what the API alone is told goes to the API alone', () => {
  const settings = loadLauncherSettings({ DROVER_API_HOST: '0.0.0.0' });
  const plan = planProcesses(settings, redis, programs, { DROVER_WEBHOOK_ALLOW_PRIVATE: '1' });
  expect(plan.api.env).toMatchObject({ DROVER_API_HOST: '0.0.0.0', DROVER_WEBHOOK_ALLOW_PRIVATE: '1' });
  expect(plan.workers.some(({ env }) => 'DROVER_WEBHOOK_ALLOW_PRIVATE' in env)).toBe(false);
});

it('by `auto` a worker claims a GPU for a variant for GPUs, and for no other', () => {
  const settings = loadLauncherSettings({ DROVER_VARIANTS: '8_0-gpu,5_0', DROVER_DEVICE: 'auto' });
  const { workers } = planProcesses(settings, redis, programs);
  expect(workers.map(({ env }) => env['DROVER_DEVICE'])).toEqual(['auto', 'cpu']);
});
