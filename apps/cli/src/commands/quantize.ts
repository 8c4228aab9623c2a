import { basename, resolve } from 'node:path';
import { loadLauncherSettings } from '#config';
import type { KvCacheType, VariantDevice } from '#contracts';
import { variantsDirectory, type VariantQuality } from '#model-store';
import { quantizeCheckpoint, type BuiltVariant } from '#quantizer';
import { showBuildProgress } from '../output/build-progress.js';
import type { Terminal } from '../output/terminal.js';
import { watchInterrupts } from '../supervision/interrupts.js';

export interface QuantizeOptions {
  readonly bits: readonly number[];
  readonly kv: Exclude<KvCacheType, 'f16'>;
  readonly device: VariantDevice;
  readonly output?: string;
  readonly model?: string;
}

/** `drover quantize`: builds variants of a checkpoint and prints what became of them. */
export async function quantize(
  checkpointDir: string,
  { bits, kv, device, output, model = basename(resolve(checkpointDir)).toLowerCase() }: QuantizeOptions,
  terminal: Terminal,
): Promise<number> {
  const outputDir = output ?? variantsDirectory(loadLauncherSettings().DROVER_DATA_DIR, model);
  const built = await quantizeCheckpoint({
    checkpointDir,
    outputDir,
    model,
    bitsPerWeight: bits,
    kvCache: kvCacheFor(device, kv),
    signal: watchInterrupts().drain,
    onProgress: showBuildProgress(terminal),
  });
  terminal.heading(`${model}: ${built.length} variants in ${outputDir}`);
  terminal.table([COLUMNS, ...built.map(toRow)]);
  return 0;
}

function kvCacheFor(device: VariantDevice, kv: QuantizeOptions['kv']): KvCacheType {
  if (device === 'cpu') return kv;
  if (kv === 'int8') throw new Error('A variant for GPUs keeps its cache in float16: leave out --kv int8.');
  return 'f16';
}

const COLUMNS = ['variant', 'target', 'bits/weight', 'head', 'KL nats/token', 'top-1', 'MB', 'seconds'];

function toRow({ variant, manifest }: BuiltVariant): string[] {
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const { quality } = manifest;
  return [
    variant,
    manifest.targetBitsPerWeight.toFixed(2),
    manifest.bitsPerWeight.toFixed(3),
    manifest.headBitsPerWeight.toFixed(2),
    quality === null ? 'not measured' : klOf(quality),
    quality === null ? '' : `${(100 * quality.top1Agreement).toFixed(2)} %`,
    (bytes / 1e6).toFixed(2),
    manifest.quantizeSeconds.toFixed(1),
  ];
}

function klOf({ klNatsPerToken, withFloat32Cache }: VariantQuality): string {
  const kl = klNatsPerToken.toExponential(2);
  if (!withFloat32Cache) return kl;
  return `${kl} (float32 cache: ${withFloat32Cache.klNatsPerToken.toExponential(2)})`;
}
