import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WebhookBody } from '#contracts';
import { testChoices } from '#testing';
import { finishedJob } from './finished-job.fixture.js';
import { MAX_BODY_BYTES, webhookBodyOf } from './webhook-body.js';

const parse = (body: string): WebhookBody => JSON.parse(body);

function textOf(body: WebhookBody): string {
  const choice = body.data.output?.choices[0];
  if (choice === undefined) throw new Error('no output');
  return 'message' in choice ? (choice.message.content ?? '') : choice.text;
}

describe('the body of a webhook', () => {
  it('is the finished job with the time of its end', () => {
    const body = parse(webhookBodyOf(finishedJob({ choices: testChoices('It is 85.') }), 'job.succeeded'));
    expect(body).toMatchObject({
      type: 'job.succeeded',
      timestamp: '2026-11-24T12:00:03.000Z',
      data: {
        id: 'job_1',
        status: 'succeeded',
        output: { choices: [{ message: { content: 'It is 85.' } }] },
      },
    });
    expect(body.data).not.toHaveProperty('output_url');
  });

  it('has no output where the job has none', () => {
    const body = parse(webhookBodyOf(finishedJob({ status: 'expired', choices: null }), 'job.expired'));
    expect(body).toMatchObject({ type: 'job.expired', data: { output: null } });
  });

  it('tells a start as it was, though the job has ended since', () => {
    const body = parse(webhookBodyOf(finishedJob(), 'job.started'));
    expect(body).toMatchObject({
      type: 'job.started',
      timestamp: '2026-11-24T12:00:01.000Z',
      data: { status: 'running', output: null, usage: null, finished_at: null },
    });
  });

  it('stays within 20 kB by cutting the text, and then says where all of it is', () => {
    const texts = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 200, max: 3_000 }), (part, times) => {
        const text = part.repeat(times);
        const json = webhookBodyOf(finishedJob({ choices: testChoices(text) }), 'job.succeeded');
        const sent = textOf(parse(json));
        expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_BODY_BYTES);
        expect(text.startsWith(sent)).toBe(true);
        expect(parse(json).data.output_url).toBe(sent === text ? undefined : '/v1/jobs/job_1');
      }),
    );
  });

  it('of a large job has no log probabilities, and the prompt first where it was echoed', () => {
    const logprob = { tokenId: 1, token: 'a', bytes: [97], logprob: -1 };
    const logprobs = Array.from({ length: 500 }, () => ({ ...logprob, top: [logprob] }));
    const [choice] = testChoices('It is 85.');
    const input = { prompt: 'x'.repeat(30_000), echo: true };
    const json = webhookBodyOf(finishedJob({ input, choices: [{ ...choice!, logprobs }] }), 'job.succeeded');
    expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_BODY_BYTES);
    expect(parse(json).data.output?.choices[0]).toMatchObject({ logprobs: null });
    expect(textOf(parse(json))).toMatch(/^x{19000,}$/);
  });

  it('uses the room it has: a cut body is full up to the next character', () => {
    const json = webhookBodyOf(finishedJob({ choices: testChoices('🙂'.repeat(20_000)) }), 'job.succeeded');
    expect(Buffer.byteLength(json)).toBeGreaterThan(MAX_BODY_BYTES - 4);
    expect(textOf(parse(json)).isWellFormed()).toBe(true);
  });
});
