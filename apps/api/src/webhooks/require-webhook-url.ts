import { DroverError } from '#contracts';
import type { ApiSettings } from '#config';
import { objectionTo } from '#webhooks';

type UrlSettings = Pick<ApiSettings, 'NODE_ENV' | 'DROVER_WEBHOOK_ALLOW_PRIVATE'>;

/**
 * Refuses a URL that deliveries could never go to; better told now than in a delivery log later.
 * @param param the field of the request that holds it
 * @throws DroverError `invalid_value`
 */
export function requireWebhookUrl(
  url: string,
  { NODE_ENV, DROVER_WEBHOOK_ALLOW_PRIVATE: allowPrivate }: UrlSettings,
  param: string,
): void {
  const httpsOnly = NODE_ENV === 'production' && !allowPrivate;
  const objection = objectionTo(url, { allowPrivate, httpsOnly });
  if (objection !== undefined)
    throw new DroverError('invalid_value', `\`${param}\` ${objection}.`, { param });
}
