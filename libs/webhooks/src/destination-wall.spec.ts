import { describe, expect, it } from 'vitest';
import { DestinationWall } from './destination-wall.js';

const guarded = new DestinationWall({ allowPrivate: false });
const production = { allowPrivate: false, httpsOnly: true };

const leadsBackIn = [
  // every way to write 127.0.0.1: decimal, hexadecimal, octal, short, full width, mapped into IPv6
  'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://0x7f.1/',
  'http://127.0.0.1./', 'http://①②⑦.0.0.1/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/',
  'http://localhost/', 'http://LOCALHOST./', 'http://a.localhost:8080/', 'http://0/', 'http://[::]/',
  // NAT64, 6to4, Teredo
  'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::1]/', 'http://[2001:0:7f00:1::]/',
  // private, shared, link-local and metadata, multicast
  'https://10.0.0.1/hook', 'https://192.168.1.1', 'http://172.16.0.1/', 'http://100.64.0.1/', 'http://169.254.169.254/latest',
  'http://[fd00:ec2::254]/', 'http://[fe80::1]/', 'http://224.0.0.1/', 'http://[ff02::1]/',
]; // prettier-ignore

const fine = [
  'https://example.com/hook',
  'http://8.8.8.8/',
  'https://[2606:4700:4700::1111]/',
  'http://localhost.example.com/',
];

describe('a webhook URL', () => {
  it.each(leadsBackIn)('that leads back in is objected to: %s', (url) => {
    expect(guarded.refusalOf(url)).toMatch(/no public address/);
    expect(new DestinationWall({ allowPrivate: true }).refusalOf(url)).toBeNull();
  });

  it.each(fine)('may be %s', (url) => expect(guarded.refusalOf(url)).toBeNull());

  it.each(['ftp://example.com/', 'file:///etc/passwd', 'javascript:alert(1)'])('may not be %s', (url) => {
    expect(new DestinationWall({ allowPrivate: true }).refusalOf(url)).toBe('must be an http or https URL');
  });

  it('holds no user and no password', () => {
    expect(guarded.refusalOf('https://me:secret@example.com/')).toMatch(/no user or password/);
  });

  it('needs https in production, unless its host is allowed', () => {
    const wall = new DestinationWall({ ...production, allow: ['hook.corp', '10.1.0.0/16'] });
    expect(wall.refusalOf('http://example.com/')).toMatch(/https/);
    expect(wall.refusalOf('https://example.com/')).toBeNull();
    expect(wall.refusalOf('http://hook.corp/')).toBeNull();
    expect(wall.refusalOf('http://10.1.2.3/')).toBeNull();
    const open = new DestinationWall({ ...production, allowPrivate: true });
    expect(open.refusalOf('http://example.com/')).toBeNull();
  });
});

describe('what is allowed beside public addresses', () => {
  it.each([
    ['10.1.0.0/16', 'hook', '10.1.255.1', true],
    ['10.1.0.0/16', 'hook', '10.2.0.1', false],
    ['10.1.0.0/16', 'hook', '::ffff:10.1.2.3', true],
    ['10.1.2.3', 'hook', '10.1.2.3', true],
    ['10.1.2.3', 'hook', '10.1.2.4', false],
    ['fd00::/8', 'hook', 'fd12::1', true],
    ['fd00::/8', 'hook', '10.1.2.3', false],
    ['hook.corp', 'hook.corp', '10.0.0.1', true],
    ['HOOK.corp', 'hook.CORP.', '10.0.0.1', true],
    ['hook.corp', 'a.hook.corp', '10.0.0.1', false],
    ['hook.corp', 'evil-hook.corp', '10.0.0.1', false],
    ['*.corp', 'hook.corp', '10.0.0.1', true],
    ['*.corp', 'a.b.corp', '10.0.0.1', true],
    ['*.corp', 'corp', '10.0.0.1', false],
    ['*.corp', 'evilcorp', '10.0.0.1', false],
    ['*.corp', 'hook.corp.evil.com', '10.0.0.1', false],
  ])('by %s: %s at %s is %s', (entry, host, address, isAdmitted) => {
    const wall = new DestinationWall({ allowPrivate: false, allow: [entry] });
    expect(wall.admits(host, address)).toBe(isAdmitted);
    expect(guarded.admits(host, address)).toBe(false);
  });
});
