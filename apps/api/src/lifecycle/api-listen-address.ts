import { isIPv4, isIPv6 } from 'node:net';
import { SettingsError, type ApiSettings } from '#config';

/**
 * Address to listen on. Without API keys everybody who reaches the port may use it, so only the local
 * machine may reach it.
 * @throws SettingsError for an open address without keys
 */
export function listenAddressOf(settings: Pick<ApiSettings, 'DROVER_API_HOST' | 'DROVER_API_KEYS'>): string {
  const { DROVER_API_HOST: host, DROVER_API_KEYS: keys } = settings;
  if (keys.length > 0) return host ?? '0.0.0.0';
  if (host === undefined) return '127.0.0.1';
  if (isLoopback(host)) return host;
  throw new SettingsError(
    `DROVER_API_HOST=${host} would open this API to the network without any key. ` +
      'Set DROVER_API_KEYS (comma-separated, 16 characters or more each), or leave DROVER_API_HOST unset to listen on 127.0.0.1.',
  );
}

function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  if (isIPv6(host)) return host === '::1';
  return host === 'localhost';
}
