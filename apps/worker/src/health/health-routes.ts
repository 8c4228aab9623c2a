import type { WorkerContext } from '../worker-context.js';
import { jsonAnswer, type HealthRoutes } from './health-server.js';

type HealthSources = Pick<WorkerContext, 'state' | 'workerMetrics' | 'metrics'>;

/**
 * - `/healthz`: the process answers.
 * - `/readyz`: the model is loaded, jobs are taken and Redis answers; else 503 with what is missing.
 * - `/metrics`: the Prometheus page.
 */
export function healthRoutes({ state, workerMetrics, metrics }: HealthSources): HealthRoutes {
  const { registry } = workerMetrics;
  return {
    '/healthz': () => jsonAnswer(200, { status: 'ok' }),
    '/readyz': () => {
      const readiness = state.readiness(Date.now());
      return readiness.ready
        ? jsonAnswer(200, { status: 'ready' })
        : jsonAnswer(503, { status: readiness.reason });
    },
    '/metrics': async () => {
      metrics.sampleGauges();
      return { status: 200, contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
