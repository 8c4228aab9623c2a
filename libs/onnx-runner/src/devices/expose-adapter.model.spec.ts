import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildDroverTinyVariant } from '#testing';
import { createOnnxModelRunner } from '../onnx-model-runner.js';
import { listVulkanDevices } from './list-vulkan-devices.js';

/** A second software device beside Mesa's: that of Debian's chromium, which has no 16-bit floats. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LAVAPIPE = ['/usr/share/vulkan/icd.d/lvp_icd.json', '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json'];

/** Dawn looks once in a process, so one test tells all of it. */
it('a second adapter is used when asked for, and no other after it in the process', async ({ skip }) => {
  const lavapipe = LAVAPIPE.find((path) => existsSync(path));
  if (lavapipe === undefined || !existsSync(SWIFTSHADER)) skip('no two Vulkan devices here');
  process.env['VK_DRIVER_FILES'] = `${SWIFTSHADER}:${String(lavapipe)}`;
  expect(listVulkanDevices().map(({ name }) => name.split(' ')[0])).toEqual(['SwiftShader', 'llvmpipe']);
  const modelPath = join(await buildDroverTinyVariant(8), 'model.onnx');
  const open = (device: string) =>
    createOnnxModelRunner({ modelPath, device, slots: 1, contextTokens: 16, threads: 1 });

  await expect(open('webgpu:2')).rejects.toThrow(/Device "webgpu:2": .*webgpu:1 \(llvmpipe/);
  // This variant keeps its embedding in 16-bit floats: the first adapter could not even load it.
  const runner = await open('webgpu:1');
  await runner.close();
  expect(listVulkanDevices().map(({ name }) => name.split(' ')[0])).toEqual(['llvmpipe']);
  await expect(open('webgpu:0')).rejects.toThrow('this process runs on webgpu:1');
});
