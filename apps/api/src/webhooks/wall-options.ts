import type { ApiSettings } from '#config';
import type { WallOptions } from '#webhooks';

/** Where the service's settings let webhooks go. */
export function wallOptionsOf(settings: ApiSettings): WallOptions {
  return {
    allowPrivate: settings.DROVER_WEBHOOK_ALLOW_PRIVATE,
    allow: settings.DROVER_WEBHOOK_ALLOW,
    httpsOnly: settings.NODE_ENV === 'production',
  };
}
