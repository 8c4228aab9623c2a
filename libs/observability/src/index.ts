export {
  decodeFlightRecord,
  encodeFlightRecord,
  type FlightPhase,
  type FlightRecord,
  type HeldAttempt,
} from './flight-record.js';
export { createLogger, type Logger } from './logger.js';
export { createApiMetrics, createWorkerMetrics, type ApiMetrics, type WorkerMetrics } from './metrics.js';
