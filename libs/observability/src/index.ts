export { createLogger, type Logger } from './logger.js';
export { createApiMetrics, createWorkerMetrics, type ApiMetrics, type WorkerMetrics } from './metrics.js';
