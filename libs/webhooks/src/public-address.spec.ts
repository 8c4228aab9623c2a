import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './public-address.js';

const notPublic = [
  // this machine and network
  '127.0.0.1', '127.255.255.254', '0.0.0.0', '0.1.2.3', '::1', '::',
  // private and shared
  '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', 'fc00::1', 'fd12:3456::1', 'fec0::1',
  // link-local, and the metadata services of clouds
  '169.254.169.254', '169.254.170.2', 'fe80::1', 'fd00:ec2::254', '100.100.100.200',
  // IPv4 inside IPv6
  '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:a9fe:a9fe', '::127.0.0.1',
  // tunnels that lead back in: NAT64, 6to4, Teredo
  '64:ff9b::7f00:1', '64:ff9b:1::1', '2002:7f00:1::1', '2001:0:7f00:1::',
  // multicast, broadcast, documentation, benchmarks, reserved
  '224.0.0.1', '255.255.255.255', 'ff02::1', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1',
  '198.18.0.1', '192.0.0.1', '192.88.99.1', '240.0.0.1', '100::1', '3fff::1', '4000::1',
  // no address at all
  '', 'localhost', 'example.com', '1.2.3.4.5', 'fe80::1%eth0',
]; // prettier-ignore

const isPublic = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'];

describe('the wall around private addresses', () => {
  it.each(notPublic)('keeps %j out', (address) => expect(isPublicAddress(address)).toBe(false));
  it.each(isPublic)('lets %j pass', (address) => expect(isPublicAddress(address)).toBe(true));

  it('judges an IPv4 address the same when it is written as IPv6', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isPublicAddress(`::ffff:${address}`)).toBe(isPublicAddress(address));
      }),
    );
  });
});
