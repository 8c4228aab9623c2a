import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildDroverTinyVariant } from '#testing';
import { DeviceError } from '../device.js';
import { createOnnxModelRunner } from '../onnx-model-runner.js';

/** The software device of Debian's chromium, which has no 16-bit floats. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

it('a device without 16-bit floats is refused by name for a model that has them', async ({ skip }) => {
  if (!existsSync(SWIFTSHADER)) skip('no Vulkan device here that lacks 16-bit floats');
  process.env['VK_DRIVER_FILES'] = SWIFTSHADER;
  const modelPath = join(await buildDroverTinyVariant(8), 'model.onnx');
  const error = await createOnnxModelRunner({
    modelPath,
    device: 'webgpu',
    slots: 1,
    contextTokens: 16,
    threads: 1,
  }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(DeviceError);
  expect(String(error)).toContain('cannot compute with 16-bit floats');
});
