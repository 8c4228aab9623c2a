import { Engine, type ModelRunner, type PagedRunner, type StepReport, type TokenTextDecoder } from '#engine';
import { cpuMsNow } from './cpu-time.js';
import { greedyRequest } from './greedy-request.js';
import { randomPrompt } from './random-prompt.js';

export interface EngineLoad {
  readonly sequences: number;
  readonly promptTokens: number;
  /** Steps in which all sequences decode together. */
  readonly decodeSteps: number;
  /** Default false: a lone row runs alone and last bits may differ. */
  readonly deterministic?: boolean;
}

export const PREFILL_CHUNK_TOKENS = 256;

/** Figures of one turn. CPU is user and system time over all cores. */
export interface EngineFigures {
  readonly decodeTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillTokensPerS: number;
  readonly prefillCpuMsPerToken: number;
  /** Time of each decode step outside the model's run: sampling, stop rules, text. */
  readonly stepOverheadsMs: readonly number[];
  /** The host's work of each decode step while the model ran. */
  readonly hiddenMs: readonly number[];
}

interface StepSample {
  readonly report: StepReport;
  readonly endedAtMs: number;
  readonly cpuMs: number;
}

/**
 * One turn through a new engine: all prompts are prefilled, then all sequences decode together, their prompts taken
 * from the prefix cache. The runner's block store must hold all of them.
 */
export async function measureEngine(
  runner: ModelRunner | PagedRunner,
  load: EngineLoad,
  createDecoder: () => TokenTextDecoder,
): Promise<EngineFigures> {
  const steps: StepSample[] = [];
  const engine = new Engine({
    runner,
    prefillChunkTokens: PREFILL_CHUNK_TOKENS,
    // Repeated words of a model nobody trained would be drafted well, which says nothing about it.
    speculation: false,
    onStep: (report) => steps.push({ report, endedAtMs: performance.now(), cpuMs: cpuMsNow() }),
  });
  const run = async (maxTokens: number) => {
    steps.length = 0;
    const requests = Array.from({ length: load.sequences }, (_, index) =>
      greedyRequest({
        id: `sequence-${index}`,
        promptTokenIds: randomPrompt(index, load.promptTokens, runner.info.vocabSize),
        maxTokens,
        deterministic: load.deterministic ?? false,
        decoder: createDecoder(),
      }),
    );
    const begin = { wallMs: performance.now(), cpuMs: cpuMsNow() };
    await Promise.all(requests.map((request) => engine.submit(request)));
    return { wallMs: performance.now() - begin.wallMs, cpuMs: cpuMsNow() - begin.cpuMs };
  };
  try {
    const prefill = await run(1);
    const prefillTokens = sum(steps.map(({ report }) => report.prefillTokens));
    await run(decodedTokens(load));
    return {
      ...decodeFigures(steps, load.sequences),
      prefillTokensPerS: (prefillTokens * 1000) / prefill.wallMs,
      prefillCpuMsPerToken: prefill.cpuMs / prefillTokens,
    };
  } finally {
    await engine.close();
  }
}

/** Tokens of context that a load needs in each slot. */
export function slotContextTokens(load: EngineLoad): number {
  return load.promptTokens + decodedTokens(load);
}

/** Sequences may join one after the other; the surplus keeps the first alive until the last has joined. */
function decodedTokens({ sequences, decodeSteps }: EngineLoad): number {
  return decodeSteps + 2 * sequences;
}

/** Of the steps in which every sequence decoded one token and nothing else ran; they follow each other. */
function decodeFigures(steps: readonly StepSample[], sequences: number) {
  const full = steps.filter(({ report }) => report.decodeRows === sequences && report.prefillTokens === 0);
  const [first, last] = [full[0], full.at(-1)];
  if (first === undefined || last === undefined || full.length < 2) {
    throw new Error(`No two steps decoded ${sequences} sequences together. This is a bug of the benchmark.`);
  }
  const tokens = (full.length - 1) * sequences;
  return {
    decodeTokensPerS: (tokens * 1000) / (last.endedAtMs - first.endedAtMs),
    decodeCpuMsPerToken: (last.cpuMs - first.cpuMs) / tokens,
    stepOverheadsMs: full.map(({ report }) => report.stepMs - report.modelMs),
    hiddenMs: full.map(({ report }) => report.hiddenMs),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
