import { describe, expect, it } from 'vitest';
import { DeviceError, formatDevice, parseDevice } from './device.js';

describe('a device string', () => {
  it.each([
    ['cpu', { kind: 'cpu' }],
    ['webgpu', { kind: 'webgpu', index: 0 }],
    ['webgpu:2', { kind: 'webgpu', index: 2 }],
    ['cuda', { kind: 'cuda', index: 0 }],
    ['cuda:11', { kind: 'cuda', index: 11 }],
  ])('%s is parsed', (text, device) => {
    expect(parseDevice(text)).toEqual(device);
  });

  it.each(['', 'gpu', 'cpu:0', 'CPU', 'cuda:', 'cuda:-1', 'webgpu:1.5', 'cuda:1000', ' cpu'])(
    '%j is refused, and the error names it and the forms that are known',
    (text) => {
      expect(() => parseDevice(text)).toThrow(DeviceError);
      expect(() => parseDevice(text)).toThrow(`"${text}"`);
      expect(() => parseDevice(text)).toThrow('`cpu`, `webgpu[:n]`, `cuda[:n]`');
    },
  );

  it.each(['cpu', 'webgpu:0', 'cuda:3'])('%s survives parsing and formatting', (text) => {
    expect(formatDevice(parseDevice(text))).toBe(text);
  });
});
