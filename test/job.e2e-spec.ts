import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textOf } from './support/drover-client.js';
import { ask, askLong, LONG_TOKENS, statusTrace, streamedText } from './support/jobs.js';
import { startSystem, type System } from './support/start-system.js';

describe('a job, end to end', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem({ variants: ['8_0', '6_5'] });
  });
  afterAll(() => system.close());

  it('answers a question right on the best variant', async () => {
    const { client } = system;
    const job = await client.finalJob((await client.submit(ask('8_0', 'What is 27 + 58?'))).id);
    expect(job).toMatchObject({ status: 'succeeded', variant: '8_0', attempt: 1, error: null });
    expect(textOf(job)).toBe('27 + 58 = 85');
    expect(job.output?.choices[0]?.finish_reason).toBe('stop');
    expect(job.usage).toMatchObject({ prompt_tokens: 20, completion_tokens: 11, total_tokens: 31 });
  });

  it('answers from two variants side by side', async () => {
    const { client } = system;
    const question = 'My name is Priya. What is my name?';
    const submitted = await Promise.all(
      ['8_0', '6_5'].map((variant) => client.submit(ask(variant, question))),
    );
    const jobs = await Promise.all(submitted.map(({ id }) => client.finalJob(id)));
    expect(jobs.map(({ variant, status }) => [variant, status])).toEqual([
      ['8_0', 'succeeded'],
      ['6_5', 'succeeded'],
    ]);
    for (const job of jobs) expect(textOf(job)).toContain('Priya');
  });

  it('streams exactly the final text', async () => {
    const { client } = system;
    const { id } = await client.submit(ask('6_5', 'Tell me a story about a fox named Max.'));
    const events = await client.allEvents(id);
    const job = await client.job(id);
    expect(streamedText(events, { attempt: 1 })).toBe(textOf(job));
    expect(statusTrace(events)).toEqual(['queued', 'running', 'done succeeded']);
    const streamedTokens = events.reduce((sum, { data }) => sum + (data.n ?? 0), 0);
    // The end token has no text.
    expect(streamedTokens).toBe((job.usage?.completion_tokens ?? 0) - 1);
  });

  it('gives the same text for the same seed, whatever runs beside it', async () => {
    const { client } = system;
    const sampled = ask('8_0', 'Tell me a story about a dog named Rex.', { temperature: 1, seed: 11 });
    const alone = await client.finalJob((await client.submit(sampled)).id);
    const others = await Promise.all([1, 2, 3, 4].map(() => client.submit(askLong('8_0'))));
    const beside = await client.finalJob((await client.submit(sampled)).id);
    expect(textOf(beside)).toBe(textOf(alone));
    await Promise.all(others.map(({ id }) => client.finalJob(id)));
  });

  it('cancelled while it runs, stops and keeps its partial text and usage', async () => {
    const { client } = system;
    const { id } = await client.submit(askLong('8_0'));
    await client.untilStreaming(id);
    expect(await client.cancel(id)).toBe(202);
    const job = await client.finalJob(id);
    expect(job.status).toBe('cancelled');
    expect(job.output?.choices[0]?.finish_reason).toBe('cancelled');
    const generated = job.usage?.completion_tokens ?? 0;
    expect(generated).toBeGreaterThan(0);
    expect(generated).toBeLessThan(LONG_TOKENS);
    expect(textOf(job)).toMatch(/^1, 2/);
    expect(streamedText(await client.allEvents(id), { attempt: 1 })).toBe(textOf(job));
    expect(await client.cancel(id)).toBe(200);
    expect(await client.job(id)).toEqual(job);
  });

  it('out of time, expires with what it has', async () => {
    const { client } = system;
    const whole = await client.finalJob((await client.submit(askLong('8_0'))).id);
    const { id } = await client.submit({ ...askLong('8_0'), timeout_s: 0.15 });
    const job = await client.finalJob(id);
    expect(job.status).toBe('expired');
    expect(job.output?.choices[0]?.finish_reason).toBe('deadline');
    expect(job.usage?.completion_tokens).toBeLessThan(LONG_TOKENS);
    expect(textOf(whole)?.startsWith(textOf(job) ?? 'no text')).toBe(true);
  });
});
