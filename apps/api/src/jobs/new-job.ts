import {
  DEFAULT_PRIORITY,
  DEFAULT_TTL_S,
  DroverError,
  type ModelRef,
  type SubmitJobRequest,
} from '#contracts';
import type { NewJob } from '#queue';

export interface JobIdentity {
  readonly id: string;
  readonly tenant: string;
  readonly nowMs: number;
}

/** Where a job goes, and its size there. */
export interface Placement extends ModelRef {
  readonly promptTokens: number;
  /** Most tokens it may generate, over all its texts. */
  readonly maxTokens: number;
}

/** The job that an admitted request becomes; defaults are filled in here. */
export function toNewJob(
  request: SubmitJobRequest,
  { id, tenant, nowMs }: JobIdentity,
  placement: Placement,
): NewJob {
  return {
    id,
    tenant,
    model: placement.model,
    variant: placement.variant,
    input: request.input,
    webhook: request.webhook ?? null,
    metadata: request.metadata ?? {},
    priority: request.priority ?? DEFAULT_PRIORITY,
    startByMs: startByMsOf(request.start_by, nowMs),
    timeoutMs: request.timeout_s === undefined ? null : Math.ceil(request.timeout_s * 1000),
    ttlMs: (request.ttl_s ?? DEFAULT_TTL_S) * 1000,
    promptTokens: placement.promptTokens,
    maxTokens: placement.maxTokens,
    choiceCount: request.input.n ?? 1,
    createdAtMs: nowMs,
  };
}

function startByMsOf(startBy: string | undefined, nowMs: number): number | null {
  if (startBy === undefined) return null;
  const startByMs = Date.parse(startBy);
  if (startByMs > nowMs) return startByMs;
  throw new DroverError(
    'invalid_value',
    `\`start_by\` is in the past: it is ${new Date(nowMs).toISOString()} on this server. Give a later time or leave it out.`,
    { param: 'start_by' },
  );
}
