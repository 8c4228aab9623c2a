import type { JobRecord } from '#contracts';
import { createLogger } from '#observability';
import { createJobWorker, type AttemptLease, type FinishedAttempt, type JobLifecycle } from '#queue';
import { newTestHeartbeat, testAppend, testChoices } from '#testing';

export interface ScriptedWorker {
  /** Lets jobs that asked to be held (`metadata.hold`) go on. */
  release(): void;
  close(): Promise<void>;
}

interface Options {
  readonly variant?: string;
  readonly slots?: number;
  readonly contextTokens?: number;
  /** Says something else than the words of the prompt. */
  readonly script?: (lifecycle: JobLifecycle, lease: AttemptLease) => Promise<void>;
}

/**
 * A worker without a model: it answers with the words of the prompt, one token each. A job with
 * `metadata.hold` stops after its first word until it is released or aborted; with `first`, in its first attempt alone.
 */
export async function startScriptedWorker(redisUrl: string, options: Options = {}): Promise<ScriptedWorker> {
  const { variant = '6_5', slots = 2, contextTokens = 1024 } = options;
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const worker = await createJobWorker({
    redisUrl,
    model: 'drover-tiny',
    variant,
    concurrency: slots,
    logger: createLogger('scripted-worker', 'silent'),
    handler: (lease, signal) =>
      options.script?.(worker.lifecycle, lease) ?? answer(worker.lifecycle, lease, signal, released),
  });
  const workerId = `scripted-${variant}-${process.pid}`;
  const heartbeat = () =>
    newTestHeartbeat({
      workerId,
      model: 'drover-tiny',
      variant,
      contextTokens,
      slots,
      slotsUsed: worker.activeCount,
      bitsPerWeight: Number(variant.replace('_', '.')),
      startedAtMs: Date.now(),
    });
  await worker.start();
  await worker.publishHeartbeat(heartbeat());
  // A test may take Redis away.
  const beat = setInterval(() => void worker.publishHeartbeat(heartbeat()).catch(() => {}), 1_000);
  return {
    release,
    async close() {
      clearInterval(beat);
      release();
      await worker.withdrawHeartbeat(workerId);
      await worker.close();
    },
  };
}

async function answer(
  lifecycle: JobLifecycle,
  lease: AttemptLease,
  signal: AbortSignal,
  released: Promise<void>,
): Promise<void> {
  const started = await lifecycle.start(lease, Date.now());
  if (started.kind !== 'started') return;
  const { job } = started;
  const words = wordsOf(job);
  let said = 0;
  for (const text of words) {
    if (signal.aborted) break;
    said += 1;
    await lifecycle.appendTokens([testAppend({ lease, sequence: said, text, tokenIds: [said] })]);
    if (isHeld(job) && said === 1) await Promise.race([released, aborted(signal)]);
  }
  await lifecycle.finish(lease, ending(job, words.slice(0, said), signal.aborted));
}

function isHeld({ metadata: { hold }, attempt }: JobRecord): boolean {
  return hold !== undefined && !(hold === 'first' && attempt > 1);
}

function wordsOf(job: JobRecord): readonly string[] {
  const text = job.input.prompt ?? job.input.messages?.at(-1)?.content ?? '';
  return text.match(/\s*\S+/g) ?? [];
}

function ending(job: JobRecord, words: readonly string[], cancelled: boolean): FinishedAttempt {
  return {
    status: cancelled ? 'cancelled' : 'succeeded',
    choices: testChoices(words.join(''), cancelled ? 'cancelled' : 'stop'),
    usage: { promptTokens: job.promptTokens, completionTokens: words.length, cachedTokens: 0 },
    timings: { timeToFirstTokenMs: 1, prefillMs: 1, decodeMs: 2, resumedTokens: 0 },
    failure: null,
    finishedAtMs: Date.now(),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
