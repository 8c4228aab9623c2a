import type { LookupAddress, LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { expect, it } from 'vitest';
import { DestinationWall } from './destination-wall.js';
import { AddressRefusedError, admittedOnly } from './guarded-connector.js';

const wall = new DestinationWall({ allowPrivate: false });

const resolvesTo =
  (...addresses: string[]): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

function look(through: LookupFunction, options: LookupOptions): Promise<string | LookupAddress[]> {
  return new Promise((resolve, reject) => {
    admittedOnly(through, wall)('hook.example', options, (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
}

it('a name leads to its public addresses only', async () => {
  const mixed = resolvesTo('127.0.0.1', '8.8.8.8', 'fd00::1', '2606:4700::1111');
  expect(await look(mixed, { all: true })).toEqual([
    { address: '8.8.8.8', family: 4 },
    { address: '2606:4700::1111', family: 6 },
  ]);
  expect(await look(mixed, { all: false })).toBe('8.8.8.8');
});

it('a name without public addresses is refused, with the addresses it has', async () => {
  const refused = look(resolvesTo('10.0.0.1', 'fe80::1'), { all: true });
  await expect(refused).rejects.toThrow(AddressRefusedError);
  await expect(refused).rejects.toThrow('hook.example (10.0.0.1, fe80::1), which is no public address');
});
