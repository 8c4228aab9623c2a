import { describe, expect, it } from 'vitest';
import type { JobInput, JobRecord } from '#contracts';
import type { GenerationResult } from '#engine';
import { decodeJobRecord } from '#queue';
import { newTestJob, testChoices } from '#testing';
import { concludeAttempt } from './conclude-attempt.js';
import { createLogprobDescriber } from './describe-logprobs.js';

const END_TOKEN = 99;
const describeLogprobs = createLogprobDescriber({
  describeToken: (id) =>
    id === END_TOKEN ? { token: '<end>', bytes: [] } : { token: `t${id}`, bytes: [id] },
});

const result: GenerationResult = {
  text: 'one two',
  tokenIds: [7, 8],
  resumedTokenCount: 0,
  finish: 'stop',
  promptTokenCount: 5,
  cachedTokenCount: 4,
  timeToFirstTokenMs: 3,
  prefillMs: 2,
  decodeMs: 4,
};
const going: GenerationResult = { ...result, finish: 'aborted' };

function jobOf(input: JobInput = { prompt: 'x' }, choiceCount = 1): JobRecord {
  const job = newTestJob({ input, choiceCount });
  return { ...decodeJobRecord({ id: job.id })!, ...job };
}
const withLogprobs = (text: string, ...logprobs: number[]): GenerationResult => ({
  ...result,
  text,
  tokenIds: logprobs.map((_, i) => i),
  logprobs: logprobs.map((logprob, tokenId) => ({ tokenId, logprob, top: [] })),
});
const completed = (job: JobRecord, ...results: GenerationResult[]) =>
  concludeAttempt({ kind: 'completed', results }, job, describeLogprobs, 99);

describe('the record of an attempt', () => {
  it('succeeds with the reason the text ended', () => {
    expect(completed(jobOf(), { ...result, finish: 'length' })).toEqual({
      status: 'succeeded',
      choices: testChoices('one two', 'length'),
      usage: { promptTokens: 5, completionTokens: 2, cachedTokens: 4 },
      timings: { timeToFirstTokenMs: 3, prefillMs: 2, decodeMs: 4, resumedTokens: 0 },
      failure: null,
      finishedAtMs: 99,
    });
  });

  it('of several texts counts the prompt once and the tokens of all', () => {
    const second = { ...result, tokenIds: [9], cachedTokenCount: 0, timeToFirstTokenMs: 2, decodeMs: 9 };
    expect(completed(jobOf({ prompt: 'x', n: 2 }, 2), result, second)).toMatchObject({
      usage: { promptTokens: 5, completionTokens: 3, cachedTokens: 0 },
      timings: { timeToFirstTokenMs: 2, decodeMs: 9 },
    });
  });

  it.each([
    ['cancelled', 'cancelled'],
    ['deadline', 'expired'],
  ] as const)('cut by %s is %s and keeps all texts, each with its own end', (cause, status) => {
    const end = { kind: 'cut', cause, results: [result, going] } as const;
    expect(concludeAttempt(end, jobOf({ prompt: 'x', n: 2 }, 2), describeLogprobs, 99)).toMatchObject({
      status,
      choices: [
        { text: 'one two', finishReason: 'stop' },
        { text: 'one two', finishReason: cause },
      ],
      usage: { completionTokens: 4 },
      failure: null,
    });
  });

  it('broken keeps the text that clients have already seen', () => {
    const fault = { reason: 'out_of_memory', message: 'no more memory', cause: null } as const;
    const failure = { code: 'engine_error', message: fault.message, reason: fault.reason };
    const end = { kind: 'broken', fault, results: [going] } as const;
    expect(concludeAttempt(end, jobOf(), describeLogprobs, 99)).toMatchObject({
      status: 'failed',
      choices: testChoices('one two', 'error'),
      usage: { promptTokens: 5, completionTokens: 2 },
      failure,
    });
  });

  it.each(['lost', 'shutdown'] as const)('%s writes nothing', (cause) => {
    expect(concludeAttempt({ kind: 'handed-over', cause }, jobOf(), describeLogprobs, 99)).toBeNull();
  });
});

describe('the choices of a job', () => {
  it('are the likeliest of its texts, by the mean over their tokens, best first', () => {
    const job = jobOf({ prompt: 'x', n: 2, best_of: 3 }, 2);
    const finished = completed(
      job,
      withLogprobs('short but unlikely', -2),
      withLogprobs('long and likely', -1, -1, -1),
      withLogprobs('likeliest', -0.5, -1),
    );
    expect(finished?.choices).toMatchObject([
      { text: 'likeliest', logprobs: null },
      { text: 'long and likely', logprobs: null },
    ]);
    expect(finished?.usage.completionTokens).toBe(6);
  });

  it('tell the log probability of each token of the text, but not of the one that ended it', () => {
    const logprobs = [3, 4, END_TOKEN].map((tokenId) => ({
      tokenId,
      logprob: -1 / 3,
      top: [{ tokenId: 5, logprob: Number.NEGATIVE_INFINITY }],
    }));
    const job = jobOf({ prompt: 'x', logprobs: true, top_logprobs: 1 });
    const told = (of: GenerationResult) => completed(job, of)?.choices[0]?.logprobs;
    expect(told({ ...result, logprobs })).toEqual(
      [3, 4].map((tokenId) => ({
        tokenId,
        token: `t${tokenId}`,
        bytes: [tokenId],
        logprob: -0.333333,
        top: [{ tokenId: 5, token: 't5', bytes: [5], logprob: -9999 }],
      })),
    );
    // A text that was cut off by its length ends with a token of its own.
    expect(told({ ...result, finish: 'length', logprobs })).toHaveLength(3);
    const stopsAtFour = jobOf({ prompt: 'x', logprobs: true, stop_token_ids: [4] });
    const ended = completed(stopsAtFour, { ...result, logprobs: logprobs.slice(0, 2) });
    expect(ended?.choices[0]?.logprobs).toHaveLength(1);
  });

  it('tell with `echo` those of the prompt first, the same of each text', () => {
    const promptLogprobs = [
      { tokenId: 1, logprob: null, top: [] },
      { tokenId: 2, logprob: -2, top: [] },
    ];
    const job = jobOf({ prompt: 'x', echo: true, logprobs: true, n: 2 }, 2);
    const finished = completed(job, withLogprobs('a', -1), { ...withLogprobs('b', -3), promptLogprobs });
    expect(finished?.choices.map(({ logprobs }) => logprobs?.map(({ logprob }) => logprob))).toEqual([
      [null, -2, -1],
      [null, -2, -3],
    ]);
  });

  const tool = { type: 'function', function: { name: 'add' } } as const;
  const calls = '{"name": "add", "parameters": {"a": 1}}; {"name": "add", "parameters": {"a": 2}}';
  const asked = (more: Partial<JobInput>) =>
    completed(jobOf({ messages: [{ role: 'user', content: 'x' }], tools: [tool], ...more }), {
      ...result,
      text: calls,
    })?.choices[0];

  it('are calls of tools where the text is some', () => {
    const choice = asked({});
    expect(choice).toMatchObject({ text: '', finishReason: 'tool_calls' });
    expect(choice?.toolCalls?.map(({ function: { arguments: json } }) => JSON.parse(json))).toEqual([
      { a: 1 },
      { a: 2 },
    ]);
    expect(asked({ parallel_tool_calls: false })?.toolCalls).toHaveLength(1);
    expect(asked({ tool_choice: 'none' })).toMatchObject({
      text: calls,
      finishReason: 'stop',
      toolCalls: null,
    });
  });
});
