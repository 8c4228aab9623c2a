import { afterEach, expect, it } from 'vitest';
import { launchDrover, type LaunchedCommand } from './support/launched-command.js';

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

it('the demo exits with 1 and the reason when it cannot work', async () => {
  demo = await launchDrover(['demo'], { DROVER_MODEL: 'no-such-model' });
  expect(await demo.exitCode).toBe(1);
  expect(demo.output()).toContain('no-such-model');
  expect(demo.processes()).toEqual([]);
});
