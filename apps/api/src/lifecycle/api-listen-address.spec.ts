import { expect, it } from 'vitest';
import { listenAddressOf } from './api-listen-address.js';

const KEYS = ['0123456789abcdef'];

it.each([
  [undefined, [], '127.0.0.1'],
  ['localhost', [], 'localhost'],
  ['127.0.0.2', [], '127.0.0.2'],
  ['::1', [], '::1'],
  [undefined, KEYS, '0.0.0.0'],
  ['10.0.0.1', KEYS, '10.0.0.1'],
])('host %j with keys %j listens on %s', (host, keys, address) => {
  expect(listenAddressOf({ DROVER_API_HOST: host, DROVER_API_KEYS: keys })).toBe(address);
});

it.each(['0.0.0.0', '::', '192.168.1.5', '128.0.0.1', 'example.com', '127.evil.example'])(
  'refuses %s without keys',
  (host) => {
    expect(() => listenAddressOf({ DROVER_API_HOST: host, DROVER_API_KEYS: [] })).toThrow(/DROVER_API_KEYS/);
  },
);
