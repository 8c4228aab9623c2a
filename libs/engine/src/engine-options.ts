import type { ModelRunner } from './ports/model-runner.port.js';
import type { PlanLimits } from './scheduling/plan-step.js';
import type { StepReport, StepStart } from './sequence/generation-request.js';

export interface EngineDependencies {
  /** Stays the caller's: `close` of the engine leaves it open. */
  readonly runner: ModelRunner;
  /** Prompt tokens of one chunk, 2 or more; a last lone token joins the chunk before it. */
  readonly prefillChunkTokens: number;
  /** Decode rows and prompt tokens of one step. Default: one chunk beside a decode row in every slot. */
  readonly stepTokenBudget?: number;
  /** Sequences that may wait for a slot. Default 1024. */
  readonly maxQueued?: number;
  /** Called before each run of the model with the requests' ids; for a record of what ran, should the process die. */
  readonly onStepStart?: (step: StepStart) => void;
  /** Called after each step, before the promises of the sequences that ended in it settle. */
  readonly onStep?: (report: StepReport) => void;
  /** Monotonic clock in milliseconds. */
  readonly nowMs?: () => number;
}

/** Dependencies with their defaults, checked. */
export interface EngineOptions {
  readonly runner: ModelRunner;
  readonly limits: PlanLimits;
  readonly maxQueued: number;
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
    limits: {
      prefillChunkTokens,
      stepTokenBudget: dependencies.stepTokenBudget ?? prefillChunkTokens + runner.info.slots,
    },
    maxQueued: dependencies.maxQueued ?? DEFAULT_MAX_QUEUED,
    onStepStart: dependencies.onStepStart,
    onStep: dependencies.onStep ?? (() => undefined),
    nowMs: dependencies.nowMs ?? (() => performance.now()),
  };
  requireInteger('prefillChunkTokens', prefillChunkTokens, 2);
  requireInteger('stepTokenBudget', options.limits.stepTokenBudget, 1);
  requireInteger('maxQueued', options.maxQueued, 0);
  return options;
}

function requireInteger(name: string, value: number, min: number): void {
  if (Number.isInteger(value) && value >= min) return;
  throw new RangeError(`\`${name}\` is ${value}, must be an integer of ${min} or more.`);
}
