import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DroverClient, textOf, textsOf } from './support/drover-client.js';
import { ask, askLong, streamedText } from './support/jobs.js';
import { startSystem, startSystemForTest, type System } from './support/start-system.js';
import { expectSeamless, runUndisturbed } from './support/undisturbed.js';

const SUM = {
  type: 'object',
  properties: { a: { type: 'integer' }, b: { type: 'integer' } },
  required: ['a', 'b'],
  additionalProperties: false,
};
const STORY = 'Tell me a story about a fox named Max.';

describe('what a job may ask of its output', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem();
  });
  afterAll(() => system.close());

  const finished = async (input: Parameters<typeof ask>[2], content = STORY) => {
    const { client } = system;
    return client.finalJob((await client.submit(ask('8_0', content, input))).id);
  };

  it('several texts, each in the stream under its index and with its own end', async () => {
    const { client } = system;
    const sampled = { n: 3, temperature: 1, seed: 5, max_tokens: 40 };
    const job = await finished(sampled);
    const texts = textsOf(job);
    expect(new Set(texts).size).toBe(3);
    const events = await client.allEvents(job.id);
    for (const [index, text] of texts.entries()) {
      expect(streamedText(events, { index })).toBe(text);
      const ends = events.filter(({ data }) => data.index === index && data.finish_reason !== undefined);
      expect(ends.map(({ data }) => data.finish_reason)).toEqual([job.output?.choices[index]?.finish_reason]);
    }
    // The first of several texts is the one that the job would have had alone; the prompt counts once.
    const alone = await finished({ ...sampled, n: 1 });
    expect(texts[0]).toBe(textOf(alone));
    expect(job.usage?.prompt_tokens).toBe(alone.usage?.prompt_tokens);
  });

  it('the likeliest of several texts, which nobody sees before it is chosen', async () => {
    const sampled = { temperature: 1, seed: 5, max_tokens: 24, logprobs: true };
    const all = await finished({ ...sampled, n: 3 });
    const means = (all.output?.choices ?? []).map(({ logprobs }) => {
      const told = logprobs?.content.flatMap(({ logprob }) => logprob ?? []) ?? [];
      return told.reduce((sum, logprob) => sum + logprob, 0) / told.length;
    });
    const best = await finished({ ...sampled, best_of: 3 });
    expect(textsOf(best)).toEqual([textsOf(all)[means.indexOf(Math.max(...means))]]);
    const events = await system.client.allEvents(best.id);
    expect(events.filter(({ event }) => event === 'token')).toEqual([]);
  });

  it('the log probability of each token of the text, and of the best ones at its place', async () => {
    const job = await finished({ logprobs: true, top_logprobs: 3, max_tokens: 12 });
    const content = job.output?.choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join('')).toBe(textOf(job));
    for (const { token, logprob, top_logprobs: top } of content) {
      expect(top).toHaveLength(3);
      expect(top.map((one) => one.logprob)).toEqual(top.map((one) => one.logprob).toSorted((a, b) => b - a));
      // A greedy text takes the best one.
      expect(top[0]).toMatchObject({ token, logprob });
      expect(logprob).toBeLessThanOrEqual(0);
    }
    const events = await system.client.allEvents(job.id);
    expect(events.flatMap(({ data }) => data.logprobs ?? [])).toEqual(content);
  });

  it('a document of a schema, whole however hot and short', async () => {
    const job = await finished({
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'sum',
          schema: { ...SUM, properties: { ...SUM.properties, why: { type: 'string' } } },
        },
      },
      n: 4,
      temperature: 1.5,
      seed: 2,
      max_tokens: 24,
    });
    expect(job).toMatchObject({ status: 'succeeded', error: null });
    for (const text of textsOf(job)) {
      expect(JSON.parse(text)).toMatchObject({ a: expect.any(Number), b: expect.any(Number) });
    }
  });

  it('a call of a tool', async () => {
    const add = { name: 'add', description: 'Adds two numbers.', parameters: SUM };
    const job = await finished(
      { tools: [{ type: 'function', function: add }], tool_choice: 'required', max_tokens: 60 },
      'What is 27 + 58?',
    );
    const [choice] = job.output?.choices ?? [];
    expect(choice).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
    const calls = choice !== undefined && 'message' in choice ? (choice.message.tool_calls ?? []) : [];
    expect(calls.length).toBeGreaterThan(0);
    for (const call of calls) {
      expect(call).toMatchObject({ type: 'function', function: { name: 'add' } });
      const given: unknown = JSON.parse(call.function.arguments);
      expect(given).toEqual({ a: expect.any(Number), b: expect.any(Number) });
    }
  });

  it('no form that could not be held: it is refused before it is queued', async () => {
    const response_format = { type: 'regex', pattern: '(a' };
    const input = { messages: [{ role: 'user', content: 'x' }], response_format };
    const answer = await system.client.post('/v1/jobs', { model: 'drover-tiny', input });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({
      error: { code: 'invalid_value', param: expect.stringContaining('input.response_format') },
    });
  });

  it('no form that so few tokens cannot hold, with the numbers', async () => {
    const choices = ['a very long answer', 'another long answer'];
    const asked = { response_format: { type: 'choice' as const, choices }, max_tokens: 2 };
    const answer = await system.client.post('/v1/jobs', ask('8_0', STORY, asked));
    expect(answer.status).toBe(400);
    const { error } = z.object({ error: z.object({ message: z.string() }) }).parse(await answer.json());
    const [, fewest = 0] = /takes (\d+) tokens/.exec(error.message) ?? [];
    expect(choices).toContain(textOf(await finished({ ...asked, max_tokens: Number(fewest) })));
  });

  it('its prompt before its text', async () => {
    const input = { prompt: 'Once upon a time', max_tokens: 8, temperature: 0, deterministic: true };
    const textFor = async (more: object) => {
      const request = { model: 'drover-tiny', variant: '8_0', input: { ...input, ...more } };
      return textOf(await system.client.finalJob((await system.client.submit(request)).id));
    };
    expect(await textFor({ echo: true })).toBe(`Once upon a time${await textFor({})}`);
  });

  it('how likely a text is that it brings itself', async () => {
    const scoreOf = async (prompt: string) => {
      const input = { prompt, echo: true, logprobs: true, max_tokens: 0 };
      const request = { model: 'drover-tiny', variant: '8_0', input };
      const job = await system.client.finalJob((await system.client.submit(request)).id);
      expect(job).toMatchObject({ status: 'succeeded', usage: { completion_tokens: 0 } });
      expect(textOf(job)).toBe(prompt);
      const content = job.output?.choices[0]?.logprobs?.content ?? [];
      expect(content[0]?.logprob).toBeNull();
      expect(Buffer.from(content.flatMap(({ bytes }) => bytes)).toString()).toBe(prompt);
      return content.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0);
    };
    expect(await scoreOf('1, 2, 3, 4, 5, 6')).toBeGreaterThan(await scoreOf('6, 1, 4, 2, 5, 3'));
  });
});

describe('the prefix cache', () => {
  const KEYS = ['key-of-the-first-tenant', 'key-of-the-other-tenant'] as const;
  const asked = ask('8_0', `${'A fox and a dog went to the river. '.repeat(20)}Who went there?`, {
    max_tokens: 4,
  });

  it('spares a tenant the beginning of a prompt it has had before, and tells another tenant nothing', async () => {
    const system = await startSystemForTest({ env: { DROVER_API_KEYS: KEYS.join(',') } });
    const [own, other] = KEYS.map((key) => new DroverClient(system.apiUrl, key));
    const run = async (client: DroverClient, input = {}) => {
      const request = { ...asked, input: { ...asked.input, ...input } };
      const job = await client.finalJob((await client.submit(request)).id);
      return { cached: job.usage?.prompt_tokens_details.cached_tokens, text: textOf(job) };
    };
    const first = await run(own!);
    expect(first.cached).toBe(0);
    const second = await run(own!);
    expect(second.cached).toBeGreaterThan(100);
    expect(second.text).toBe(first.text);
    expect(await run(own!, { cache_salt: 'apart' })).toEqual(first);
    expect(await run(other!)).toEqual(first);
  });
});

describe('several texts of a lost worker', () => {
  it('are finished by another, each from where it stood', async () => {
    const system = await startSystemForTest({ variants: ['8_0', '8_0'] });
    const { client, workers } = system;
    // The second text ends by itself long before the others.
    const request = askLong('8_0', { n: 3, temperature: 1, seed: 3, logprobs: true, max_tokens: 300 });
    const { id } = await client.submit(request);
    await client.untilStreaming(id);
    const holder = workers.find(({ logLines }) => logLines.some((line) => line.includes(id)));
    await holder?.kill9();
    const job = await client.finalJob(id);
    expect(job.attempt).toBe(2);
    const [undisturbed] = await runUndisturbed(client, [request]);
    expectSeamless(await client.allEvents(id), job, undisturbed!);
    expect(job.output).toEqual(undisturbed?.output);
  });
});
