import { describe, expect, it } from 'vitest';
import { loadApiSettings, loadLauncherSettings, loadWorkerSettings, SettingsError } from './load-settings.js';

describe('settings', () => {
  it('come complete from an empty environment', () => {
    expect(loadApiSettings({})).toMatchObject({ DROVER_API_PORT: 3000, DROVER_API_KEYS: [] });
    expect(loadWorkerSettings({})).toMatchObject({ DROVER_VARIANT: '6_5', DROVER_SLOTS: 8 });
    expect(loadLauncherSettings({})).toMatchObject({ DROVER_VARIANTS: ['8_0', '6_5', '5_0'] });
  });

  it('take an empty variable for an unset one', () => {
    expect(loadApiSettings({ DROVER_API_PORT: '', DROVER_WEBHOOK_SECRET: '' }).DROVER_API_PORT).toBe(3000);
  });

  it('split API keys and refuse short ones', () => {
    const keys = loadApiSettings({
      DROVER_API_KEYS: ' key-number-one-xx, key-number-two-xx,',
    }).DROVER_API_KEYS;
    expect(keys).toEqual(['key-number-one-xx', 'key-number-two-xx']);
    expect(() => loadApiSettings({ DROVER_API_KEYS: 'short' })).toThrow(/at least 16 characters/);
  });

  it('split what webhooks may reach into networks, addresses and hosts', () => {
    const allow = loadApiSettings({
      DROVER_WEBHOOK_ALLOW: '10.1.0.0/16, fd00::/8,::1,10.0.0.1, hook.corp,*.corp,',
    });
    expect(allow.DROVER_WEBHOOK_ALLOW).toEqual([
      '10.1.0.0/16',
      'fd00::/8',
      '::1',
      '10.0.0.1',
      'hook.corp',
      '*.corp',
    ]);
    for (const wrong of ['10.1.0.0/33', 'http://hook.corp', '*', 'a b', 'hook.corp:80']) {
      expect(() => loadApiSettings({ DROVER_WEBHOOK_ALLOW: wrong })).toThrow(/DROVER_WEBHOOK_ALLOW/);
    }
  });

  it.each([
    ['DROVER_SLOTS', '0'],
    ['DROVER_SLOTS', '257'],
    ['DROVER_SLOTS', 'many'],
    ['DROVER_DEVICE', 'tpu'],
    ['DROVER_VARIANT', '6.5'],
    ['REDIS_URL', 'http://localhost'],
  ])('name the variable and its value when %s is %j', (name, value) => {
    expect(() => loadWorkerSettings({ [name]: value })).toThrow(SettingsError);
    expect(() => loadWorkerSettings({ [name]: value })).toThrow(`${name}=${JSON.stringify(value)}`);
  });

  it('report every wrong variable at once', () => {
    expect(() => loadWorkerSettings({ DROVER_SLOTS: '-1', DROVER_THREADS: 'x' })).toThrow(
      /DROVER_SLOTS[\s\S]*DROVER_THREADS/,
    );
  });

  it.each(['auto', 'cpu', 'webgpu', 'webgpu:1', 'cuda:0'])('know the device %s', (device) => {
    expect(loadWorkerSettings({ DROVER_DEVICE: device }).DROVER_DEVICE).toBe(device);
  });
});
