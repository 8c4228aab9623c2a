import type { ModelRunner } from './ports/model-runner.port.js';
import type { PagedRunner } from './ports/paged-runner.port.js';
import type { SchedulerLimits } from './scheduling/step-scheduler.js';
import type { StepReport, StepStart } from './sequence/generation-request.js';

export interface EngineDependencies {
  /** Stays the caller's: `close` of the engine leaves it open. */
  readonly runner: ModelRunner | PagedRunner;
  /**
   * Prompt tokens of one step at most, 2 or more; a prompt's last lone token joins them. Beside running texts the engine
   * takes fewer, by the times it measures.
   */
  readonly prefillChunkTokens: number;
  /** Sequences that may wait for a place in the cache. Default 1024. */
  readonly maxQueued?: number;
  /** Computes common beginnings of prompts once. Default true; needs a runner with blocks. */
  readonly prefixCache?: boolean;
  /**
   * Drafts tokens from a text's own past where few sequences run and measured times say that it pays. Default true;
   * deterministic requests never draft.
   */
  readonly speculation?: boolean;
  /** Called before each run of the model with the requests' ids; for a record of what ran, should the process die. */
  readonly onStepStart?: (step: StepStart) => void;
  /** Called after each step, before the promises of the sequences that ended in it settle. */
  readonly onStep?: (report: StepReport) => void;
  /** Monotonic clock in milliseconds. */
  readonly nowMs?: () => number;
}

/** Dependencies with their defaults, checked. */
export interface EngineOptions {
  readonly runner: ModelRunner | PagedRunner;
  readonly limits: SchedulerLimits;
  readonly maxQueued: number;
  readonly prefixCache: boolean;
  readonly speculation: boolean;
  readonly onStepStart: ((step: StepStart) => void) | undefined;
  readonly onStep: (report: StepReport) => void;
  readonly nowMs: () => number;
}

const DEFAULT_MAX_QUEUED = 1024;

/** @throws RangeError naming the field and its bound. */
export function compileEngineOptions(dependencies: EngineDependencies): EngineOptions {
  const { runner, prefillChunkTokens } = dependencies;
  const options = {
    runner,
    limits: { prefillChunkTokens, blockTokens: runner.info.blockTokens },
    maxQueued: dependencies.maxQueued ?? DEFAULT_MAX_QUEUED,
    prefixCache: dependencies.prefixCache ?? true,
    speculation: dependencies.speculation ?? true,
    onStepStart: dependencies.onStepStart,
    onStep: dependencies.onStep ?? (() => undefined),
    nowMs: dependencies.nowMs ?? (() => performance.now()),
  };
  requireInteger('prefillChunkTokens', prefillChunkTokens, 2);
  requireInteger('maxQueued', options.maxQueued, 0);
  return options;
}

function requireInteger(name: string, value: number, min: number): void {
  if (Number.isInteger(value) && value >= min) return;
  throw new RangeError(`\`${name}\` is ${value}, must be an integer of ${min} or more.`);
}
