import { readdir } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { launchDrover, type LaunchedCommand } from './support/launched-command.js';
import { requireVulkan } from './support/require-vulkan.js';

let demo: LaunchedCommand | undefined;
afterEach(() => demo?.cleanUp());

it('the demo shows a stream, a verified webhook and every variant, stops everything and exits 0', async () => {
  demo = await launchDrover(['demo']);
  const exitCode = await demo.exitCode;
  const shown = demo.output();
  expect(shown).toMatch(/assistant {2}1, 2, 3/);
  expect(shown).toMatch(/webhook-signature +v1,/);
  expect(shown).toContain('Signature verified by the standardwebhooks library.');
  for (const variant of ['8_0', '6_5', '5_0']) expect(shown).toMatch(new RegExp(`^ +${variant} .*85`, 'm'));
  expect(shown).toMatch(/tokens\/s +[1-9]/);
  expect(shown).toMatch(/webhooks delivered +1/);
  expect(exitCode).toBe(0);
  expect(demo.processes()).toEqual([]);
});

it('the demo on a Vulkan device answers from a variant for GPUs', async ({ skip }) => {
  await requireVulkan(skip);
  demo = await launchDrover(['demo', '--device', 'webgpu', '--variants', '8_0']);
  const exitCode = await demo.exitCode;
  expect(demo.output()).toMatch(/^ +8_0-gpu .*85/m);
  expect(exitCode).toBe(0);
  expect(demo.processes()).toEqual([]);
});

it.runIf(process.platform === 'linux')(
  'a machine without a Vulkan device refuses one before it builds anything, with the next step',
  async () => {
    const hidden = { VK_DRIVER_FILES: '/nonexistent', VK_ICD_FILENAMES: '/nonexistent' };
    demo = await launchDrover(['demo', '--device', 'webgpu'], hidden);
    expect(await demo.exitCode).toBe(1);
    expect(demo.output()).toMatch(/no Vulkan device\. .*install-software-vulkan\.sh/);
    expect(await readdir(demo.dataDir)).toEqual([]);
  },
);

it('the demo exits with 1 and the reason when it cannot work', async () => {
  demo = await launchDrover(['demo'], { DROVER_MODEL: 'no-such-model' });
  expect(await demo.exitCode).toBe(1);
  expect(demo.output()).toContain('no-such-model');
  expect(demo.processes()).toEqual([]);
});
