import { expect, it } from 'vitest';
import { describeStore } from './describe-store.js';

const info = (...lines: string[]) => ['# Server', ...lines, ''].join('\r\n');

it('knows Redis, and whether it keeps a log', () => {
  expect(describeStore(info('redis_version:7.0.15', 'multiplexing_api:epoll', 'aof_enabled:1'))).toEqual({
    kind: 'redis',
    version: '7.0.15',
    durable: true,
  });
});

it('knows Valkey by its own version', () => {
  const text = info('redis_version:7.2.4', 'server_name:valkey', 'valkey_version:8.0.1', 'aof_enabled:0');
  expect(describeStore(text)).toEqual({ kind: 'valkey', version: '8.0.1', durable: false });
});

it('knows the JavaScript server of the demo', () => {
  expect(describeStore(info('redis_version:7.4.0', 'multiplexing_api:mock', 'aof_enabled:0')).kind).toBe(
    'embedded-js',
  );
});
