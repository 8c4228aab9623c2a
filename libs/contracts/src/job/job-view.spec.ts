import { describe, expect, it } from 'vitest';
import type { JobRecord } from './job-record.js';
import { toJobView } from './job-view.js';

const queued: JobRecord = {
  id: 'job_1',
  tenant: 'public',
  status: 'queued',
  model: 'drover-tiny',
  variant: '6_5',
  input: { messages: [{ role: 'user', content: 'Hi' }] },
  webhook: { url: 'https://example.com', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
  metadata: { customer: '42' },
  priority: 5,
  startByMs: null,
  timeoutMs: null,
  ttlMs: 86_400_000,
  promptTokens: 12,
  maxTokens: 100,
  choiceCount: 1,
  createdAtMs: 1_000,
  startedAtMs: null,
  finishedAtMs: null,
  attempt: 0,
  tries: 0,
  retries: 0,
  deaths: [],
  cancelRequestedAtMs: null,
  choices: null,
  usage: null,
  timings: null,
  failure: null,
};

const succeeded: JobRecord = {
  ...queued,
  status: 'succeeded',
  attempt: 1,
  startedAtMs: 1_010,
  finishedAtMs: 1_100,
  choices: [{ text: 'Hello!', finishReason: 'stop', logprobs: null, toolCalls: null }],
  usage: { promptTokens: 12, completionTokens: 5, cachedTokens: 0 },
  timings: { timeToFirstTokenMs: 9, prefillMs: 5, decodeMs: 40, resumedTokens: 0 },
};

describe('the job as clients see it', () => {
  it('shows its position only while it is queued', () => {
    const place = { position: 3, etaS: { low: 1, expected: 2, high: 4 } };
    expect(toJobView(queued, place).queue).toEqual({ position: 3, eta_s: place.etaS });
    expect(toJobView(succeeded, place)).not.toHaveProperty('queue');
  });

  it('answers messages with a message and a prompt with text', () => {
    expect(toJobView(succeeded).output?.choices[0]).toMatchObject({
      message: { role: 'assistant', content: 'Hello!' },
      finish_reason: 'stop',
    });
    const completion = toJobView({ ...succeeded, input: { prompt: 'Once' } });
    expect(completion.output?.choices[0]).toMatchObject({ text: 'Hello!' });
    const echoed = toJobView({ ...succeeded, input: { prompt: 'Once: ', echo: true } });
    expect(echoed.output?.choices[0]).toMatchObject({ text: 'Once: Hello!' });
  });

  it('shows each of several texts, with its end and its log probabilities as OpenAI does', () => {
    const likely = { tokenId: 4, token: 'Hi', bytes: [72, 105], logprob: -0.5 };
    const other = { tokenId: 9, token: 'é', bytes: [195, 169], logprob: -2 };
    const [first] = succeeded.choices ?? [];
    const second = { text: 'Hi', finishReason: 'length', toolCalls: null } as const;
    const view = toJobView({
      ...succeeded,
      choices: [first!, { ...second, logprobs: [{ ...likely, top: [likely, other] }] }],
    });
    const told = { token: 'Hi', bytes: [72, 105], logprob: -0.5 };
    expect(view.output?.choices).toEqual([
      { index: 0, finish_reason: 'stop', logprobs: null, message: { role: 'assistant', content: 'Hello!' } },
      {
        index: 1,
        finish_reason: 'length',
        logprobs: {
          content: [{ ...told, top_logprobs: [told, { token: 'é', bytes: [195, 169], logprob: -2 }] }],
        },
        message: { role: 'assistant', content: 'Hi' },
      },
    ]);
  });

  it('shows calls of tools in place of a text, or beside one', () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } } as const;
    const messageOf = (text: string) => {
      const choices = [{ text, finishReason: 'tool_calls', logprobs: null, toolCalls: [call] }] as const;
      return toJobView({ ...succeeded, choices }).output?.choices[0];
    };
    expect(messageOf('')).toMatchObject({ message: { content: null, tool_calls: [call] } });
    expect(messageOf('Let me see.')).toMatchObject({
      message: { content: 'Let me see.', tool_calls: [call] },
    });
  });

  it('derives totals and speed from what was measured', () => {
    const view = toJobView(succeeded);
    expect(view.usage?.total_tokens).toBe(17);
    expect(view.timings).toMatchObject({ queue_ms: 10, total_ms: 100, tokens_per_second: 100 });

    const timings = { timeToFirstTokenMs: 9, prefillMs: 5, decodeMs: 40, resumedTokens: 2 };
    expect(toJobView({ ...succeeded, timings }).timings).toMatchObject({ tokens_per_second: 50 });
  });

  it('shows the deaths of workers of a quarantined job, and of no other', () => {
    const death = {
      workerId: 'w1',
      atMs: 1_050,
      signal: 'SIGSEGV',
      exitCode: null,
      memoryBytes: 1_000_000,
      lastStep: 'prefill',
      jobsInStep: 1,
    };
    const failed: JobRecord = { ...succeeded, status: 'failed', deaths: [death] };
    const quarantined = toJobView({ ...failed, failure: { code: 'quarantined', message: 'twice' } });
    expect(quarantined.error?.deaths).toEqual([
      {
        worker: 'w1',
        at: '1970-01-01T00:00:01.050Z',
        signal: 'SIGSEGV',
        exit_code: null,
        memory_bytes: 1_000_000,
        last_step: 'prefill',
        jobs_in_step: 1,
      },
    ]);
    const other = toJobView({ ...failed, failure: { code: 'engine_error', message: 'once' } });
    expect(other.error).toEqual({ code: 'engine_error', message: 'once' });
  });

  it('never shows the owner or the webhook secret', () => {
    const text = JSON.stringify(toJobView(succeeded));
    expect(text).not.toContain('whsec_');
    expect(text).not.toContain('public');
  });
});
