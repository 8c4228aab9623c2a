import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner } from '#onnx-runner';
import type { FinishedAttempt } from '#queue';
import { buildDroverTinyVariant, writeLookupModel } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { createHandler, LEASE, runningJob } from './generation-handler.fixture.js';

const TOKENS = 6;
const HEALTHY = 'abc';
const BROKEN = 'xyz';

describe('a worker whose model is broken', () => {
  let tokenizer: Tokenizer;
  /** The last token of each prompt. */
  let lastTokenOf: (prompt: string) => number;

  beforeAll(async () => {
    tokenizer = await loadTokenizer(await buildDroverTinyVariant(8));
    lastTokenOf = (prompt) => tokenizer.encodePrompt(prompt).at(-1)!;
  });

  /** A real model file: after each token comes itself, but `broken` has a row of `fill`, or is none that it knows. */
  async function openTable(broken: number, fill: number | 'nothing'): Promise<ModelRunner> {
    const folder = mkdtempSync(join(tmpdir(), 'drover-faults-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const vocabulary = tokenizer.tokenBytes().length;
    const rows = Array.from({ length: fill === 'nothing' ? broken : vocabulary }, (_, token) => {
      const row = Array<number>(vocabulary).fill(token === broken ? Number(fill) : 0);
      if (token !== broken) row[token] = 1;
      return row;
    });
    await writeLookupModel(folder, rows, vocabulary);
    const modelPath = join(folder, 'model.onnx');
    const shape = { device: 'cpu', slots: 4, contextTokens: 64, threads: 1 };
    const runner = await createOnnxModelRunner({ modelPath, ...shape });
    onTestFinished(() => runner.close());
    return runner;
  }

  /** Runs prompts beside each other; what their records end with, in their order. */
  function serve(runner: ModelRunner) {
    const { handler, lifecycle, workerMetrics, unsound } = createHandler(
      { runner, tokenizer },
      ({ jobId }) => {
        const [, prompt = ''] = jobId.split(' ');
        const input = { prompt, max_tokens: TOKENS, temperature: 0, ignore_eos: true };
        return { kind: 'started', job: runningJob(input, { id: jobId }), generated: [], suspect: false };
      },
    );
    let jobs = 0;
    const run = async (...prompts: string[]): Promise<FinishedAttempt[]> => {
      const finished = new Map<string, FinishedAttempt>();
      lifecycle.onFinish = ({ jobId }, result) => finished.set(jobId, result);
      const ids = prompts.map((prompt) => `job_${(jobs += 1)} ${prompt}`);
      const never = new AbortController().signal;
      await Promise.all(ids.map((jobId) => handler.handle({ ...LEASE, jobId }, never)));
      return ids.map((id) => finished.get(id)!);
    };
    const failures = async () => {
      const { values } = await workerMetrics.attemptsFailed.get();
      return Object.fromEntries(values.map(({ labels, value }) => [labels['reason'], value]));
    };
    return { run, failures, unsound };
  }

  it.each([NaN, Infinity])(
    'ends a text of logits that are %s alone, by name, and its neighbours as ever',
    async (value) => {
      const runner = await openTable(lastTokenOf(BROKEN), value);
      const { run, failures, unsound } = serve(runner);
      const [first, broken, last] = await run(HEALTHY, BROKEN, HEALTHY);
      for (const healthy of [first, last]) {
        expect(healthy).toMatchObject({
          status: 'succeeded',
          failure: null,
          usage: { completionTokens: TOKENS },
        });
      }
      expect(broken).toMatchObject({
        status: 'failed',
        failure: { code: 'engine_error', reason: 'broken_logits', message: expect.stringContaining('logit') },
      });
      expect(await failures()).toEqual({ broken_logits: 1 });
      expect(unsound).toEqual([]);
    },
  );

  it('is told that its model is at fault once job after job fails of it', async () => {
    const runner = await openTable(lastTokenOf(BROKEN), NaN);
    const { run, failures, unsound } = serve(runner);
    await run(BROKEN);
    await run(HEALTHY);
    await run(BROKEN);
    expect(unsound).toEqual([]);
    await run(BROKEN);
    expect(unsound).toMatchObject([{ reason: 'broken_logits', cause: { name: 'BrokenLogitsError' } }]);
    expect(await failures()).toEqual({ broken_logits: 3 });
  });

  it('names a run that fails in every job of its step, and takes one such step for bad luck', async () => {
    const last = Math.max(lastTokenOf(BROKEN), lastTokenOf(HEALTHY));
    const fatal = last === lastTokenOf(BROKEN) ? BROKEN : HEALTHY;
    const { run, failures, unsound } = serve(await openTable(last, 'nothing'));
    const ends = await run('the', fatal);
    for (const end of ends)
      expect(end).toMatchObject({ failure: { code: 'engine_error', reason: 'run_failed' } });
    expect(await failures()).toEqual({ run_failed: 2 });
    expect(unsound).toEqual([]);
  });
});
