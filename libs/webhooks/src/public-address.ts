import ipaddr from 'ipaddr.js';

const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an IP address belongs to the public internet: unicast, and in no range kept for private networks,
 * this machine, links, tunnels (6to4, Teredo, NAT64), documentation or tests. IPv4 inside IPv6
 * (`::ffff:10.0.0.1`, `::10.0.0.1`) is judged as the IPv4 address it leads to. What is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  return !(parsed instanceof ipaddr.IPv6) || parsed.match(GLOBAL_UNICAST_V6);
}
