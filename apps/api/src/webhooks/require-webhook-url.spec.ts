import { expect, it } from 'vitest';
import { requireWebhookUrl } from './require-webhook-url.js';

const production = { NODE_ENV: 'production', DROVER_WEBHOOK_ALLOW_PRIVATE: false } as const;

it('production takes https alone, unless its receivers are its own', () => {
  const url = 'http://example.com/hook';
  expect(() => requireWebhookUrl(url, production, 'webhook.url')).toThrow(
    expect.objectContaining({
      code: 'invalid_value',
      param: 'webhook.url',
      message: '`webhook.url` must be an https URL.',
    }),
  );
  requireWebhookUrl(url, { ...production, NODE_ENV: 'development' }, 'webhook.url');
  requireWebhookUrl(url, { ...production, DROVER_WEBHOOK_ALLOW_PRIVATE: true }, 'webhook.url');
});
