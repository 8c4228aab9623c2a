import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.js';

export interface WebhookUrlRules {
  /** Private and loopback addresses are allowed. */
  readonly allowPrivate: boolean;
  /** Plain http is refused. */
  readonly httpsOnly: boolean;
}

/**
 * Why no delivery could ever go to this URL, to be told where it is given; undefined where one may. What a name
 * resolves to is judged by each connection.
 */
export function objectionTo(url: string, { allowPrivate, httpsOnly }: WebhookUrlRules): string | undefined {
  // Parsing writes every form of an IPv4 address (decimal, octal, hexadecimal, short) as four numbers.
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && (httpsOnly || protocol !== 'http:')) {
    return `must be ${httpsOnly ? 'an https' : 'an http or https'} URL`;
  }
  const host = hostname.replace(/^\[|\]$|\.$/g, '');
  const isLocal = /(^|\.)localhost$/.test(host) || (isIP(host) !== 0 && !isPublicAddress(host));
  if (allowPrivate || !isLocal) return undefined;
  return `leads to ${host}, which is no public address; give one that the internet reaches`;
}
