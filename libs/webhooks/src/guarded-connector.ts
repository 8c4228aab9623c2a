import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { isPublicAddress } from './public-address.js';

/** The URL leads to an address that deliveries may not reach. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

export interface ConnectorOptions {
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  /** Name resolution; the operating system's unless given. */
  readonly lookup?: LookupFunction;
}

/**
 * Opens connections to public addresses only. The check is made on the very addresses that the socket then
 * connects to, at every connection: a name that changes its address after an earlier check (DNS rebinding)
 * gains nothing.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const resolve = options.lookup ?? systemLookup;
  const connect = buildConnector({
    timeout: options.timeoutMs,
    lookup: options.allowPrivate ? resolve : publicOnly(resolve),
  });
  if (options.allowPrivate) return connect;
  return (target, callback) => {
    // A literal address skips name resolution, so the lookup above never sees it.
    if (isIP(target.hostname) !== 0 && !isPublicAddress(target.hostname)) {
      callback(refusal(target.hostname, [target.hostname]), null);
      return;
    }
    connect(target, callback);
  };
}

/** Resolves names to their public addresses; to an `AddressRefusedError` where there are none among them. */
export function publicOnly(resolve: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const allowed = addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = allowed;
      if (first === undefined) {
        return callback(
          refusal(
            hostname,
            addresses.map(({ address }) => address),
          ),
          [],
        );
      }
      return options.all === true ? callback(null, allowed) : callback(null, first.address, first.family);
    });
  };
}

function refusal(hostname: string, addresses: readonly string[]): AddressRefusedError {
  const where = addresses.includes(hostname) ? hostname : `${hostname} (${addresses.join(', ')})`;
  return new AddressRefusedError(
    `${where} is not a public address; DROVER_WEBHOOK_ALLOW_PRIVATE=1 allows private ones`,
  );
}
