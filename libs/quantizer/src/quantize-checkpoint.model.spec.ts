import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readVariantManifest, variantDirectory, verifyVariant } from '#model-store';
import { droverTinyCheckpoint, writeRandomCheckpoint } from '#testing';
import { ensureVariants } from './ensure-variants.js';
import { quantizeCheckpoint } from './quantize-checkpoint.js';
import type { QuantizeProgress } from './variant/build-variants.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-quantize-'));
});
afterEach(() => rm(directory, { recursive: true }));

const FILES = [
  'config.json',
  'generation_config.json',
  'genai_config.json',
  'model.onnx',
  'model.onnx.data',
  'quant.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

describe('quantizeCheckpoint', () => {
  it('builds whole variants whose quality is ordered by their bits', async () => {
    const seen: QuantizeProgress[] = [];
    const built = await quantizeCheckpoint({
      checkpointDir: droverTinyCheckpoint(),
      outputDir: directory,
      bitsPerWeight: [8, 6.5, 5],
      onProgress: (progress) => seen.push(progress),
    });
    expect(built.map(({ variant }) => variant)).toEqual(['8_0', '6_5', '5_0']);
    expect((await readdir(directory)).toSorted()).toEqual(['5_0', '6_5', '8_0']);
    for (const { directory: variantDir, manifest } of built) {
      expect(await readdir(variantDir)).toEqual(expect.arrayContaining(FILES));
      expect(await verifyVariant(variantDir, { sha256: true })).toEqual(manifest);
      expect(Math.abs(manifest.bitsPerWeight - manifest.targetBitsPerWeight)).toBeLessThan(0.05);
      expect(manifest.model).toBe('drover-tiny');
    }
    const [q8, q65, q5] = built.map(({ manifest }) => manifest.quality!.klNatsPerToken);
    expect(q8).toBeGreaterThan(0);
    expect(q8).toBeLessThan(2e-3);
    expect(q65).toBeLessThan(8e-3);
    expect(q5).toBeLessThan(2.5e-2);
    expect(q8!).toBeLessThanOrEqual(q65!);
    expect(q65!).toBeLessThanOrEqual(q5!);
    expect(new Set(built.map(({ manifest }) => manifest.sha256)).size).toBe(3);
    expect(new Set(seen.map(({ stage }) => stage))).toEqual(new Set(['reference', 'quantize', 'measure']));
    expect(seen.every(({ done, total }) => done < total)).toBe(true);
  });

  it('builds variants with an int8 cache under names of their own, and tells what the cache costs', async () => {
    const [built] = await quantizeCheckpoint({
      checkpointDir: droverTinyCheckpoint(),
      outputDir: directory,
      bitsPerWeight: [6.5],
      kvCache: 'int8',
    });
    const { variant, manifest } = built!;
    expect(variant).toBe('6_5-kv8');
    expect(await verifyVariant(built!.directory, { sha256: true })).toEqual(manifest);
    expect(manifest.kvCache).toMatchObject({ type: 'int8' });
    const { withFloat32Cache, ...withInt8Cache } = manifest.quality!;
    expect(withInt8Cache.klNatsPerToken).not.toBe(withFloat32Cache!.klNatsPerToken);
    expect(withInt8Cache.klNatsPerToken - withFloat32Cache!.klNatsPerToken).toBeLessThan(2e-3);
    expect(withInt8Cache.top1Agreement).toBeGreaterThan(0.95);
    const lines = (await readFile(join(built!.directory, 'quant.json'), 'utf8')).split('\n');
    expect(lines.length).toBeLessThan(400);
  });

  it('aligns external weights to 64 KiB', async () => {
    const [built] = await quantizeCheckpoint({
      checkpointDir: droverTinyCheckpoint(),
      outputDir: directory,
      bitsPerWeight: [5],
    });
    const model = (await readFile(join(built!.directory, 'model.onnx'))).toString('latin1');
    // In an external_data entry the key is followed by the value's tag and its length, one byte each.
    const offsets = [...model.matchAll(/offset..(\d+)/gs)].map(([, digits]) => Number(digits));
    expect(offsets.length).toBeGreaterThan(3);
    expect(offsets.filter((offset) => offset % 65_536 !== 0)).toEqual([]);
  });

  it('leaves nothing behind when it is aborted in the middle', async () => {
    const stop = new AbortController();
    const aborted = quantizeCheckpoint({
      checkpointDir: droverTinyCheckpoint(),
      outputDir: directory,
      bitsPerWeight: [6.5],
      signal: stop.signal,
      onProgress: ({ stage, done }) => {
        if (stage === 'quantize' && done === 20) stop.abort(new Error('stopped by the test'));
      },
    });
    await expect(aborted).rejects.toThrow('stopped by the test');
    expect(await readdir(directory)).toEqual([]);
  });

  it('names the tensor whose weights are no numbers, and leaves nothing behind', async () => {
    const checkpointDir = join(directory, 'broken');
    await cp(droverTinyCheckpoint(), checkpointDir, { recursive: true });
    const file = join(checkpointDir, 'model.safetensors');
    const bytes = await readFile(file);
    bytes.writeUInt16LE(0x7fc0, bytes.length - 2);
    await writeFile(file, bytes);
    const outputDir = join(directory, 'out');
    await expect(quantizeCheckpoint({ checkpointDir, outputDir, bitsPerWeight: [8] })).rejects.toThrow(
      'model.norm.weight: weight 191 of a piece is NaN, not a finite number',
    );
    expect(await readdir(outputDir)).toEqual([]);
  });

  it('refuses a checkpoint without a tokenizer, bits out of reach and a name no model may have', async () => {
    const checkpointDir = join(directory, 'random');
    const outputDir = join(directory, 'out');
    await writeRandomCheckpoint(checkpointDir);
    const quantize = (options: { checkpointDir: string; bits: number; model?: string }) =>
      quantizeCheckpoint({ ...options, outputDir, bitsPerWeight: [options.bits] });
    await expect(quantize({ checkpointDir, bits: 8 })).rejects.toThrow('lacks tokenizer.json');
    const tiny = droverTinyCheckpoint();
    await expect(quantize({ checkpointDir: tiny, bits: 3 })).rejects.toThrow(
      '3 bits per weight cannot be reached',
    );
    await expect(quantize({ checkpointDir: tiny, bits: 8, model: '../x' })).rejects.toThrow(
      'cannot name a model',
    );
    await expect(stat(outputDir)).rejects.toThrow('ENOENT');
  });
});

describe('ensureVariants', () => {
  const options = () => ({
    modelsDir: join(directory, 'models'),
    dataDir: join(directory, 'data'),
    model: 'drover-tiny',
    variants: ['6_5'],
  });
  beforeEach(() => cp(droverTinyCheckpoint(), join(directory, 'models/drover-tiny'), { recursive: true }));

  it('builds a variant once for two that ask at once, and not again', async () => {
    const built = await Promise.all([ensureVariants(options()), ensureVariants(options())]);
    expect(built.flat().map(({ variant }) => variant)).toEqual(['6_5']);
    expect(await ensureVariants(options())).toEqual([]);
  });

  it('builds a variant and its twin with an int8 cache beside each other', async () => {
    const built = await ensureVariants({ ...options(), variants: ['5_0', '5_0-kv8'] });
    expect(built.map(({ manifest }) => [manifest.variant, manifest.kvCache.type])).toEqual([
      ['5_0', 'f32'],
      ['5_0-kv8', 'int8'],
    ]);
    expect(built[1]!.manifest.quality!.withFloat32Cache).toEqual(built[0]!.manifest.quality);
  });

  it('builds again what was cut short, and what another checkpoint made', async () => {
    await ensureVariants(options());
    const variantDir = variantDirectory(options().dataDir, 'drover-tiny', '6_5');
    await truncate(join(variantDir, 'model.onnx.data'), 1000);
    expect(await ensureVariants(options())).toHaveLength(1);
    await verifyVariant(variantDir, { sha256: true });

    const { sha256 } = await readVariantManifest(variantDir);
    const weights = join(directory, 'models/drover-tiny/model.safetensors');
    const bytes = await readFile(weights);
    bytes[bytes.length - 2]! ^= 1;
    await writeFile(weights, bytes);
    expect(await ensureVariants(options())).toHaveLength(1);
    expect((await readVariantManifest(variantDir)).sha256).not.toBe(sha256);
  });

  it('removes what a killed build left, and is not held up by its lock', async () => {
    const variantsDir = join(options().dataDir, 'variants/drover-tiny');
    await mkdir(join(variantsDir, '.building-1'), { recursive: true });
    await writeFile(join(variantsDir, '.building-1/model.onnx'), 'half');
    const killed = spawn(process.execPath, ['-e', '']);
    await once(killed, 'exit');
    await writeFile(join(variantsDir, '.lock'), `${hostname()} ${killed.pid} x`);
    await ensureVariants(options());
    expect(await readdir(variantsDir)).toEqual(['6_5']);
  });

  it('names the models there are when it is asked for another', async () => {
    await expect(ensureVariants({ ...options(), model: 'drover-huge' })).rejects.toThrow(
      'has no model drover-huge; it has drover-tiny',
    );
  });
});
