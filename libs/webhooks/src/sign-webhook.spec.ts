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
        const headers = signWebhook('evt_1_succeeded_0', Date.now(), body, [secret]);
        expect(new Webhook(secret).verify(body, { ...headers })).toEqual(JSON.parse(body));
      }),
    );
  });

  it("verifies with OpenAI's client", async () => {
    const body = JSON.stringify({ type: 'job.succeeded', data: { text: 'naïve — 日本語 🙂' } });
    const headers = signWebhook('evt_1_succeeded_0', Date.now(), body, [secret]);
    const openai = new OpenAI({ apiKey: 'unused' });
    expect(await openai.webhooks.unwrap(body, { ...headers }, secret)).toEqual(JSON.parse(body));
  });

  it('verifies with either secret while one replaces the other, with both libraries', async () => {
    const [older, newer] = [secret, generateWebhookSecret()];
    const headers = signWebhook('evt_1_succeeded_0', Date.now(), '{}', [newer, older]);
    const openai = new OpenAI({ apiKey: 'unused' });
    for (const known of [older, newer]) {
      expect(new Webhook(known).verify('{}', { ...headers })).toEqual({});
      expect(await openai.webhooks.unwrap('{}', { ...headers }, known)).toEqual({});
    }
  });

  it('is refused with another secret, another body, another id or a stale time', () => {
    const now = Date.now();
    const headers = signWebhook('evt_1_succeeded_0', now, '{}', [secret]);
    const stale = signWebhook('evt_1_succeeded_0', now - 6 * 60_000, '{}', [secret]);
    expect(() => new Webhook(generateWebhookSecret()).verify('{}', { ...headers })).toThrow(
      'No matching signature',
    );
    expect(() => new Webhook(secret).verify('{ }', { ...headers })).toThrow('No matching signature');
    expect(() => new Webhook(secret).verify('{}', { ...headers, 'webhook-id': 'evt_2_failed_0' })).toThrow(
      'No matching signature',
    );
    expect(() => new Webhook(secret).verify('{}', { ...stale })).toThrow('timestamp too old');
  });
});

it('generated secrets differ and are what the job API takes as `webhook.secret`', () => {
  expect(generateWebhookSecret()).not.toBe(secret);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/);
});
