import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MANIFEST_FILE, readVariantManifest } from '#model-store';
import { droverTinyCheckpoint } from '#testing';
import { quantizeCheckpoint } from './quantize-checkpoint.js';
import type { BuiltVariant } from './variant/build-variants.js';

let outputDir: string;
let built: BuiltVariant;
beforeAll(async () => {
  outputDir = await mkdtemp(join(tmpdir(), 'drover-gpu-variant-'));
  const options = { checkpointDir: droverTinyCheckpoint(), outputDir, model: 'drover-tiny' };
  const variants = await quantizeCheckpoint({ ...options, bitsPerWeight: [6.5], kvCache: 'f16' });
  built = variants[0]!;
}, 120_000);
afterAll(() => rm(outputDir, { recursive: true }));

describe('a variant for GPUs', () => {
  it('says so by its name, its manifest and its files', async () => {
    expect(built).toMatchObject({ variant: '6_5-gpu', directory: join(outputDir, '6_5-gpu') });
    expect(await readVariantManifest(built.directory)).toMatchObject({
      device: 'gpu',
      kvCache: { type: 'f16' },
      targetBitsPerWeight: 6.5,
    });
    const files = await readdir(built.directory);
    expect(files).toEqual(expect.arrayContaining(['model.onnx', 'copy-blocks.onnx', 'tokenizer.json']));
    expect(files).not.toContain('genai_config.json');
  });

  it('is measured on a GPU, and as near to the unquantized model as its twin for CPUs', ({ skip }) => {
    const { quality } = built.manifest;
    if (quality === null) skip('no WebGPU here that can run it');
    // Measured: 4.1e-3 nats per token and 0.982; 4.3e-3 and 0.981 in `6_5`.
    expect(quality!.klNatsPerToken).toBeLessThan(6e-3);
    expect(quality!.top1Agreement).toBeGreaterThan(0.96);
  });
});

it('a manifest from before there were such variants is one for CPUs', async () => {
  const { device: _, ...before } = built.manifest;
  await writeFile(join(outputDir, MANIFEST_FILE), JSON.stringify(before));
  expect(await readVariantManifest(outputDir)).toMatchObject({ device: 'cpu' });
});
