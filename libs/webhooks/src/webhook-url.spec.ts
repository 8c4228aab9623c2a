import { describe, expect, it } from 'vitest';
import { objectionTo } from './webhook-url.js';

const guarded = { allowPrivate: false, httpsOnly: false };

const leadsBackIn = [
  // every way to write 127.0.0.1
  'http://127.0.0.1/', 'http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://0x7f.1/',
  'http://127.0.0.1./', 'http://①②⑦.0.0.1/', 'http://[::1]/', 'http://[::ffff:127.0.0.1]/', 'http://[::ffff:7f00:1]/',
  'http://[64:ff9b::7f00:1]/', 'http://[2002:7f00:1::1]/', 'http://localhost/', 'http://LOCALHOST./', 'http://a.localhost:8080/',
  // private networks and metadata services
  'https://10.0.0.1/hook', 'https://192.168.1.1', 'http://169.254.169.254/latest', 'http://user@172.16.0.1/', 'http://[fd00:ec2::254]/',
  'http://0/', 'http://100.64.0.1/', 'http://224.0.0.1/',
]; // prettier-ignore

const fine = [
  'https://example.com/hook',
  'http://8.8.8.8/',
  'https://[2606:4700:4700::1111]/',
  'http://localhost.example.com/',
];

describe('a webhook URL', () => {
  it.each(leadsBackIn)('that leads back in is objected to: %s', (url) => {
    expect(objectionTo(url, guarded)).toMatch(/no public address/);
    expect(objectionTo(url, { ...guarded, allowPrivate: true })).toBeUndefined();
  });

  it.each(fine)('may be %s', (url) => expect(objectionTo(url, guarded)).toBeUndefined());

  it('needs https where that is the rule', () => {
    const httpsOnly = { ...guarded, httpsOnly: true };
    expect(objectionTo('http://example.com/', httpsOnly)).toMatch(/https/);
    expect(objectionTo('https://example.com/', httpsOnly)).toBeUndefined();
    expect(objectionTo('ftp://example.com/', guarded)).toMatch(/http or https/);
  });
});
