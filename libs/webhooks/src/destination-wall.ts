import ipaddr from 'ipaddr.js';
import { isPublicAddress } from './public-address.js';

type Network = ReturnType<typeof ipaddr.parseCIDR>;

export interface WallOptions {
  /** `DROVER_WEBHOOK_ALLOW_PRIVATE`: every address may be reached. */
  readonly allowPrivate: boolean;
  /** `DROVER_WEBHOOK_ALLOW`: networks (`10.1.0.0/16`), addresses and hosts (`hook.corp`, `*.corp`) beside the public ones. */
  readonly allow?: readonly string[];
  /** Plain http only to hosts that are allowed by name or literal address; for production. */
  readonly httpsOnly?: boolean;
}

/** Where webhooks may go. What can be told from a URL is told by `refusalOf`; each connection asks `admits`. */
export class DestinationWall {
  readonly #allowPrivate: boolean;
  readonly #httpsOnly: boolean;
  readonly #networks: readonly Network[];
  readonly #hosts: readonly string[];

  constructor({ allowPrivate, allow = [], httpsOnly = false }: WallOptions) {
    this.#allowPrivate = allowPrivate;
    this.#httpsOnly = httpsOnly;
    this.#networks = allow.map(networkOf).filter((network) => network !== null);
    this.#hosts = allow.filter((entry) => networkOf(entry) === null).map((entry) => entry.toLowerCase());
  }

  /**
   * Why no webhook may go to a URL, in words that follow its name ("must be …"), or null. Names are not resolved: a
   * name may still turn out to lead to a refused address. URL parsing has written decimal, octal, hexadecimal and short
   * forms of IPv4 addresses as four numbers by then.
   */
  refusalOf(url: string): string | null {
    if (!URL.canParse(url)) return 'must be a URL';
    const { protocol, hostname, username, password } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') return 'must be an http or https URL';
    if (username !== '' || password !== '')
      return 'must hold no user or password; the signature proves who sent it';
    const host = bareHost(hostname);
    if (this.#isPrivateLiteral(host)) return notPublic(host);
    const isPlain = protocol === 'http:';
    if (isPlain && this.#httpsOnly && !this.#allowPrivate && !this.#isAllowed(host, host)) {
      return `must be an https URL in production, or its host be named by DROVER_WEBHOOK_ALLOW`;
    }
    return null;
  }

  /** Whether a connection for a host may be made to one of its addresses. */
  admits(hostname: string, address: string): boolean {
    return this.#allowPrivate || isPublicAddress(address) || this.#isAllowed(bareHost(hostname), address);
  }

  #isPrivateLiteral(host: string): boolean {
    if (host === 'localhost' || host.endsWith('.localhost')) return !this.admits(host, '127.0.0.1');
    return ipaddr.isValid(host) && !this.admits(host, host);
  }

  #isAllowed(host: string, address: string): boolean {
    return this.#hosts.some((pattern) => matchesHost(pattern, host)) || this.#isInNetwork(address);
  }

  #isInNetwork(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return this.#networks.some(([base, bits]) => parsed.kind() === base.kind() && parsed.match(base, bits));
  }
}

/** What a refused connection or URL is told. */
export function notPublic(where: string): string {
  return `leads to ${where}, which is no public address; an operator may allow it by DROVER_WEBHOOK_ALLOW`;
}

function networkOf(entry: string): Network | null {
  if (ipaddr.isValidCIDR(entry)) return ipaddr.parseCIDR(entry);
  if (!ipaddr.isValid(entry)) return null;
  const address = ipaddr.process(entry);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function matchesHost(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** URLs write IPv6 addresses in brackets, and names may end in the root's dot. */
function bareHost(hostname: string): string {
  return hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}
