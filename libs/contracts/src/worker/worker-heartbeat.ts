import type { GpuInfo } from './gpu-info.js';

/** What a worker tells about itself every few seconds; the API admits and routes by it. */
export interface WorkerHeartbeat {
  readonly workerId: string;
  readonly model: string;
  readonly variant: string;
  /** `cpu`, `webgpu:0`, `cuda:1` */
  readonly device: string;
  /** Null on the CPU, and where the GPU cannot be looked at. */
  readonly gpu: GpuInfo | null;
  readonly contextTokens: number;
  readonly slots: number;
  readonly slotsUsed: number;
  readonly bitsPerWeight: number;
  /** Resident memory of the worker process. */
  readonly memoryBytes: number;
  /** Generated tokens per second over the last seconds; 0 when idle. */
  readonly tokensPerSecond: number;
  /** Tokens per second of all rows together while the worker was busy decoding, lately; null before it ever was. */
  readonly decodeTokensPerSecond: number | null;
  /** Prompt tokens per second of the time spent on prompts, lately; null before there were any. */
  readonly prefillTokensPerSecond: number | null;
  readonly status: 'starting' | 'ready' | 'draining';
  readonly startedAtMs: number;
  readonly lastSeenMs: number;
}

export const HEARTBEAT_INTERVAL_MS = 2_000;
/** A worker silent for this long is counted as gone. */
export const HEARTBEAT_TTL_MS = 8_000;
