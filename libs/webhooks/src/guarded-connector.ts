import { lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { notPublic, type DestinationWall } from './destination-wall.js';

/** The URL leads to an address that deliveries may not reach. */
export class AddressRefusedError extends Error {
  override readonly name = 'AddressRefusedError';
}

export interface ConnectorOptions {
  readonly wall: DestinationWall;
  readonly timeoutMs: number;
  /** Name resolution; the operating system's unless given. */
  readonly lookup?: LookupFunction;
}

/**
 * Opens connections that the wall admits. The check is made on the very addresses that the socket then
 * connects to, at every connection: a name that changes its address after an earlier check (DNS rebinding)
 * gains nothing.
 */
export function guardedConnector(options: ConnectorOptions): buildConnector.connector {
  const { wall } = options;
  const resolve = options.lookup ?? systemLookup;
  const connect = buildConnector({ timeout: options.timeoutMs, lookup: admittedOnly(resolve, wall) });
  return (target, callback) => {
    // A literal address skips name resolution, so the lookup above never sees it.
    if (isIP(target.hostname) !== 0 && !wall.admits(target.hostname, target.hostname)) {
      callback(refusal(target.hostname, [target.hostname]), null);
      return;
    }
    connect(target, callback);
  };
}

/** Resolves names to those of their addresses that the wall admits; to an `AddressRefusedError` where there are none among them. */
export function admittedOnly(resolve: LookupFunction, wall: DestinationWall): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, []);
      const addresses = typeof found === 'string' ? [{ address: found, family: isIP(found) }] : found;
      const allowed = addresses.filter(({ address }) => wall.admits(hostname, address));
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
  return new AddressRefusedError(notPublic(where));
}
