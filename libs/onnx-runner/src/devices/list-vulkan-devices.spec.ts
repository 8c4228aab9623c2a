import { expect, it } from 'vitest';
import { listVulkanDevices } from './list-vulkan-devices.js';

it('a Vulkan device is described by its driver', ({ skip }) => {
  const devices = listVulkanDevices();
  if (devices.length === 0) skip('no Vulkan device here');
  for (const { uuid, name, driver, memoryBytes, availableBytes } of devices) {
    expect(uuid).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(name).not.toBe('');
    expect(driver).not.toBe('');
    expect(memoryBytes).toBeGreaterThan(2 ** 20);
    expect(availableBytes ?? 0).toBeLessThanOrEqual(memoryBytes);
  }
  const software = devices.filter(({ name }) => name.startsWith('llvmpipe'));
  expect(software.every(({ kind, pciAddress }) => kind === 'software' && pciAddress === null)).toBe(true);
});

it('what the environment hides is not listed', () => {
  const former = process.env['VK_DRIVER_FILES'];
  process.env['VK_DRIVER_FILES'] = '/nowhere.json';
  try {
    expect(listVulkanDevices()).toEqual([]);
  } finally {
    if (former === undefined) delete process.env['VK_DRIVER_FILES'];
    else process.env['VK_DRIVER_FILES'] = former;
  }
});
