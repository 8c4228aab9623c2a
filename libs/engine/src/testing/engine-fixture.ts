import { expect, onTestFinished } from 'vitest';
import type { EngineDependencies } from '../engine-options.js';
import { Engine } from '../engine.js';
import { findViolations } from '../engine-invariants.js';
import { compileSamplingParams } from '../sampling/compile-sampling-params.js';
import type { GenerationRequest, GenerationResult, StepReport } from '../sequence/generation-request.js';
import { ScriptedModelRunner, type ScriptedModelRunnerOptions } from './scripted-model-runner.js';

export const VOCAB = 40;
export const END = 0;

/** Text of a token: letters and spaces, one or two at a time. */
export const textOf = (id: number) => ['a', 'b', ' ', 'ab', 'c'][id % 5]!;

export const greedy = compileSamplingParams({ temperature: 0 }, 0);

export function request(id: string, overrides: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    id,
    promptTokenIds: Int32Array.from(Array.from(id, (char) => char.charCodeAt(0) % VOCAB)),
    maxTokens: 8,
    minTokens: 0,
    sampling: greedy,
    stopStrings: [],
    stopTokenIds: [],
    deterministic: true,
    cacheSalt: '',
    topLogprobs: null,
    constraint: null,
    resume: null,
    decoder: { push: textOf, flush: () => '' },
    ...overrides,
  };
}

interface Setup extends Partial<ScriptedModelRunnerOptions>, Partial<Omit<EngineDependencies, 'runner'>> {}

/** An engine that is checked for violations after each step and must end empty. */
export function createEngine(setup: Setup = {}) {
  const runner = new ScriptedModelRunner({ slots: 4, contextTokens: 64, vocabSize: VOCAB, ...setup });
  const reports: StepReport[] = [];
  const engine: Engine = new Engine({
    runner,
    prefillChunkTokens: 4,
    ...setup,
    onStep: (report) => {
      setup.onStep?.(report);
      reports.push(report);
      expect(findViolations(engine.inspect())).toEqual([]);
    },
  });
  onTestFinished(async () => {
    await engine.close();
    expect(engine.slotsUsed).toBe(0);
  });
  const deltasOf = (id: string) => reports.flatMap(({ deltas }) => deltas).filter((delta) => delta.id === id);
  const shownText = (id: string) =>
    deltasOf(id)
      .map(({ text }) => text)
      .join('');
  return { engine, runner, reports, deltasOf, shownText };
}

export async function runAlone(alone: GenerationRequest): Promise<GenerationResult> {
  const { engine } = createEngine();
  return engine.submit(alone);
}
