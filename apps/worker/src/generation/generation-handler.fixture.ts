import { sequenceCountOf, type JobInput, type JobRecord } from '#contracts';
import { Engine, type ModelRunner } from '#engine';
import { createLogger, createWorkerMetrics } from '#observability';
import type {
  AttemptLease,
  FencedOutcome,
  FinishedAttempt,
  JobLifecycle,
  StartOutcome,
  TextSoFar,
  TokenAppend,
} from '#queue';
import { ConstraintCompiler } from '#structured';
import type { Tokenizer } from '#tokenizer';
import { openFlightFile } from '../flight/flight-file.js';
import { FlightRecorder } from '../flight/flight-recorder.js';
import { ModelSoundness, type JobFault } from '../lifecycle/model-soundness.js';
import { createLogprobDescriber } from './describe-logprobs.js';
import { GenerationHandler } from './generation-handler.js';
import { GenerationMetrics } from './generation-metrics.js';
import { ShownText } from './shown-text.js';
import { TokenPublisher } from './token-publisher.js';

export const LEASE: AttemptLease = {
  jobId: 'job_1',
  model: 'drover-tiny',
  variant: '8_0',
  attempt: 1,
  lockToken: 'lock',
};

/** A job that runs, as its record says when its attempt starts. */
export function runningJob(input: JobInput, facts: Partial<JobRecord> = {}): JobRecord {
  const nowMs = Date.now();
  return {
    id: LEASE.jobId,
    tenant: 'public',
    status: 'running',
    model: LEASE.model,
    variant: LEASE.variant,
    input,
    webhook: null,
    metadata: {},
    priority: 5,
    startByMs: null,
    timeoutMs: null,
    ttlMs: 60_000,
    promptTokens: 20,
    maxTokens: (input.max_tokens ?? 200) * sequenceCountOf(input),
    choiceCount: input.n ?? 1,
    createdAtMs: nowMs,
    startedAtMs: nowMs,
    finishedAtMs: null,
    attempt: 1,
    tries: 0,
    retries: 0,
    deaths: [],
    cancelRequestedAtMs: null,
    choices: null,
    usage: null,
    timings: null,
    failure: null,
    ...facts,
  };
}

/** Stands for Redis; writes down in one trace what the handler asks of it. */
class RecordingLifecycle implements JobLifecycle {
  readonly appends: TokenAppend[] = [];
  readonly finished: FinishedAttempt[] = [];
  /** Called before each pipeline is answered. */
  onAppend: (count: number) => FencedOutcome = () => 'written';
  onFinish: (lease: AttemptLease, result: FinishedAttempt) => void = () => undefined;

  constructor(private readonly startOf: (lease: AttemptLease) => StartOutcome) {}

  async start(lease: AttemptLease): Promise<StartOutcome> {
    return this.startOf(lease);
  }

  async appendTokens(appends: readonly TokenAppend[]): Promise<FencedOutcome[]> {
    this.appends.push(...appends);
    return appends.map(() => this.onAppend(this.appends.length));
  }

  async finish(lease: AttemptLease, result: FinishedAttempt): Promise<FencedOutcome> {
    this.finished.push(result);
    this.onFinish(lease, result);
    return 'written';
  }

  /** What the stream shows of each text, as the next attempt would be told. */
  get shown(): TextSoFar[] {
    const texts: ShownText[] = [];
    for (const append of this.appends) {
      const text = (texts[append.index] ??= new ShownText());
      text.add(append);
      text.finishReason = append.finishReason;
    }
    return texts;
  }

  get streamedText(): string {
    return this.appends.map(({ text }) => text).join('');
  }
}

/** A worker's handler with everything real but Redis. */
export function createHandler(
  { runner, tokenizer }: { readonly runner: ModelRunner; readonly tokenizer: Tokenizer },
  startOf: (lease: AttemptLease) => StartOutcome,
) {
  const lifecycle = new RecordingLifecycle(startOf);
  const describeLogprobs = createLogprobDescriber(tokenizer);
  const publisher = new TokenPublisher({
    appendTokens: (appends) => lifecycle.appendTokens(appends),
    describeLogprobs,
    onWriteError: () => undefined,
  });
  const engine = new Engine({
    runner,
    prefillChunkTokens: 64,
    onStep: ({ deltas }) => publisher.push(deltas),
  });
  const { endTokenIds } = tokenizer;
  const constraints = new ConstraintCompiler({ bytesOf: tokenizer.tokenBytes(), endTokenIds });
  const workerMetrics = createWorkerMetrics(LEASE.model, LEASE.variant);
  const unsound: JobFault[] = [];
  const handler = new GenerationHandler({
    lifecycle,
    engine,
    model: { tokenizer, contextTokens: runner.info.contextTokens, constraints },
    describeLogprobs,
    publisher,
    metrics: new GenerationMetrics(workerMetrics),
    flight: new FlightRecorder('w1', openFlightFile('')),
    soundness: new ModelSoundness((fault) => unsound.push(fault)),
    logger: createLogger('test', 'silent'),
  });
  return { lifecycle, engine, workerMetrics, unsound, handler };
}
