import { expect, onTestFinished } from 'vitest';
import type { EngineDependencies } from '../engine-options.js';
import { Engine } from '../engine.js';
import { findViolations } from '../engine-invariants.js';
import type { ModelRunner } from '../ports/model-runner.port.js';
import type { PagedRunner } from '../ports/paged-runner.port.js';
import { compileSamplingParams } from '../sampling/compile-sampling-params.js';
import type { GenerationRequest, GenerationResult, StepReport } from '../sequence/generation-request.js';
import { ScriptedModelRunner, type ScriptedModelRunnerOptions } from './scripted-model-runner.js';
import { ScriptedPagedRunner, type ScriptedPagedRunnerOptions } from './scripted-paged-runner.js';

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

interface WatchSetup extends Partial<Omit<EngineDependencies, 'runner'>> {}
interface Setup extends Partial<ScriptedModelRunnerOptions>, WatchSetup {}
interface PagedSetup extends Partial<ScriptedPagedRunnerOptions>, WatchSetup {}

/** An engine over slots that is checked for violations after each step and must end empty. */
export function createEngine(setup: Setup = {}) {
  const runner = new ScriptedModelRunner({ slots: 4, contextTokens: 64, vocabSize: VOCAB, ...setup });
  return { runner, ...watchEngine(runner, setup) };
}

/** An engine like that of `createEngine` over a pool of blocks. */
export function createPagedEngine(setup: PagedSetup = {}) {
  const { sequences = 4, contextTokens = 64, blockTokens = 4 } = setup;
  const runner = new ScriptedPagedRunner({
    sequences,
    contextTokens,
    vocabSize: VOCAB,
    blockTokens,
    blocks: sequences * Math.ceil(contextTokens / blockTokens),
    topLogits: 8,
    ...setup,
  });
  return { runner, ...watchEngine(runner, setup) };
}

export const layouts = ['slots', 'blocks'] as const;
export type Layout = (typeof layouts)[number];

/** What can be set of either layout. */
export interface CommonSetup extends WatchSetup {
  readonly slots?: number;
  readonly contextTokens?: number;
  /** Default: what all slots hold. */
  readonly cacheTokens?: number;
  /** Blocks beside the slots for prefixes; a pool of blocks has none but its own. */
  readonly blocks?: number;
  readonly rounds?: boolean;
  readonly beforeStep?: (index: number) => void | Promise<void>;
}

const BLOCK_TOKENS = 4;

/** An engine over either layout, with room for at least as many tokens. */
export function createEngineOver(layout: Layout, setup: CommonSetup = {}) {
  if (layout === 'slots') return createEngine({ ...setup, blockTokens: BLOCK_TOKENS });
  const { slots = 4, contextTokens = 64, cacheTokens = slots * contextTokens, blocks: _, ...rest } = setup;
  const blocks = Math.ceil(cacheTokens / BLOCK_TOKENS);
  return createPagedEngine({ ...rest, sequences: slots, contextTokens, blocks, blockTokens: BLOCK_TOKENS });
}

function watchEngine(runner: ModelRunner | PagedRunner, setup: WatchSetup) {
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
    expect(findViolations(engine.inspect())).toEqual([]);
  });
  const deltasOf = (id: string) => reports.flatMap(({ deltas }) => deltas).filter((delta) => delta.id === id);
  const shownText = (id: string) =>
    deltasOf(id)
      .map(({ text }) => text)
      .join('');
  return { engine, reports, deltasOf, shownText };
}

export async function runAlone(
  alone: GenerationRequest,
  layout: Layout = 'slots',
): Promise<GenerationResult> {
  const { engine } = createEngineOver(layout);
  return engine.submit(alone);
}
