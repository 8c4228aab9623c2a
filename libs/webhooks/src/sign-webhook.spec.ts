import * as fc from 'fast-check';
import OpenAI from 'openai';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { generateWebhookSecret, signWebhook } from './sign-webhook.js';

const secret = generateWebhookSecret();

describe('a signed webhook', () => {
  it('verifies with the standardwebhooks library, whatever the body', () => {
    fc.assert(
      fc.property(fc.json(), (body) => {
        const headers = signWebhook('wh-job_1-succeeded', Date.now(), body, secret);
        expect(new Webhook(secret).verify(body, { ...headers })).toEqual(JSON.parse(body));
      }),
    );
  });

  it("verifies with OpenAI's client", async () => {
    const body = JSON.stringify({ type: 'job.succeeded', data: { text: 'naïve — 日本語 🙂' } });
    const headers = signWebhook('wh-job_1-succeeded', Date.now(), body, secret);
    const openai = new OpenAI({ apiKey: 'unused' });
    expect(await openai.webhooks.unwrap(body, { ...headers }, secret)).toEqual(JSON.parse(body));
  });

  it('is refused with another secret, another body, another id or a stale time', () => {
    const now = Date.now();
    const headers = signWebhook('wh-job_1-succeeded', now, '{}', secret);
    const stale = signWebhook('wh-job_1-succeeded', now - 6 * 60_000, '{}', secret);
    expect(() => new Webhook(generateWebhookSecret()).verify('{}', { ...headers })).toThrow(
      'No matching signature',
    );
    expect(() => new Webhook(secret).verify('{ }', { ...headers })).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify('{}', { ...headers, 'webhook-id': 'wh-job_2-failed' })).toThrow(
      'No matching signature',
    );
    expect(() => new Webhook(secret).verify('{}', { ...stale })).toThrow('timestamp too old');
  });
});

it('generated secrets differ and are what the job API takes as `webhook.secret`', () => {
  expect(generateWebhookSecret()).not.toBe(secret);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/);
});
