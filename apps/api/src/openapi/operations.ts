import { JOB_OPERATIONS } from './operations/job-operations.js';
import type { Operation } from './operations/operation.js';
import { SERVICE_OPERATIONS } from './operations/service-operations.js';
import { WEBHOOK_OPERATIONS } from './operations/webhook-operations.js';

/** Every route of the service. */
export const OPERATIONS: readonly Operation[] = [
  ...JOB_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
  ...SERVICE_OPERATIONS,
];
