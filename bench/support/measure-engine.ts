import {
  compileSamplingParams,
  Engine,
  type GenerationRequest,
  type ModelRunner,
  type StepReport,
  type TokenTextDecoder,
} from '#engine';

export interface EngineLoad {
  readonly sequences: number;
  readonly promptTokens: number;
  /** Steps in which all sequences decode together. */
  readonly decodeSteps: number;
}

/** Figures of one turn. CPU is user and system time over all cores. */
export interface EngineFigures {
  readonly decodeTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillTokensPerS: number;
  readonly prefillCpuMsPerToken: number;
  /** Median time of a decode step outside the model's run: sampling, stop rules, text. */
  readonly stepOverheadsMs: readonly number[];
}

interface StepSample {
  readonly report: StepReport;
  readonly endedAtMs: number;
  readonly cpuMs: number;
}

/** One turn through the real engine: all prompts are prefilled, then all sequences decode together. */
export async function measureEngine(
  runner: ModelRunner,
  load: EngineLoad,
  createDecoder: () => TokenTextDecoder,
): Promise<EngineFigures> {
  const prefill = await runSequences(runner, { ...load, maxTokens: 1 }, createDecoder);
  const prefillTokens = sum(prefill.steps.map(({ report }) => report.prefillTokens));

  // Sequences join one after the other; the surplus keeps the first alive until the last has joined.
  const maxTokens = load.decodeSteps + 2 * load.sequences;
  const decode = await runSequences(runner, { ...load, maxTokens }, createDecoder);
  const full = fullDecodeSteps(decode.steps, load.sequences);
  const [first, last] = [full[0], full.at(-1)];
  if (first === undefined || last === undefined || full.length < 2) {
    throw new Error(
      `No two steps decoded ${load.sequences} sequences together. This is a bug of the benchmark.`,
    );
  }
  const decodeTokens = (full.length - 1) * load.sequences;
  return {
    decodeTokensPerS: (decodeTokens * 1000) / (last.endedAtMs - first.endedAtMs),
    decodeCpuMsPerToken: (last.cpuMs - first.cpuMs) / decodeTokens,
    prefillTokensPerS: (prefillTokens * 1000) / prefill.wallMs,
    prefillCpuMsPerToken: prefill.cpuMs / prefillTokens,
    stepOverheadsMs: full.map(({ report }) => report.stepMs - report.modelMs),
  };
}

/** Consecutive steps in which every sequence decoded one token and nothing else ran. */
function fullDecodeSteps(steps: readonly StepSample[], sequences: number): readonly StepSample[] {
  return steps.filter(({ report }) => report.decodeRows === sequences && report.prefillTokens === 0);
}

async function runSequences(
  runner: ModelRunner,
  load: { readonly sequences: number; readonly promptTokens: number; readonly maxTokens: number },
  createDecoder: () => TokenTextDecoder,
) {
  const steps: StepSample[] = [];
  const engine = new Engine({
    runner,
    prefillChunkTokens: 256,
    onStep: (report) => steps.push({ report, endedAtMs: performance.now(), cpuMs: cpuMsNow() }),
  });
  const startedAtMs = performance.now();
  const startedCpuMs = cpuMsNow();
  const requests = Array.from({ length: load.sequences }, (_, i) =>
    randomRequest(i, load.promptTokens, load.maxTokens, runner.info.vocabSize, createDecoder()),
  );
  await Promise.all(requests.map((request) => engine.submit(request)));
  return { steps, wallMs: performance.now() - startedAtMs, cpuMs: cpuMsNow() - startedCpuMs };
}

/** Greedy, without a stop rule but the length; tokens by a fixed linear congruential sequence. */
function randomRequest(
  index: number,
  promptTokens: number,
  maxTokens: number,
  vocabSize: number,
  decoder: TokenTextDecoder,
): GenerationRequest {
  let state = index + 1;
  const promptTokenIds = Int32Array.from({ length: promptTokens }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % vocabSize;
  });
  return {
    id: `sequence-${index}`,
    promptTokenIds,
    maxTokens,
    minTokens: 0,
    sampling: compileSamplingParams({ do_sample: false }, index),
    stopStrings: [],
    stopTokenIds: [],
    decoder,
    resume: null,
  };
}

function cpuMsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
