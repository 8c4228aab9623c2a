import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvCacheType } from '#contracts';
import { buildCached, digestOfFiles, repositoryRoot } from './build-cache.js';
import { writeWholeVariant } from './random-llama.js';

/** The default model's checkpoint, as committed. */
export function droverTinyCheckpoint(): string {
  return join(repositoryRoot(), 'models/drover-tiny');
}

/** A whole variant directory of the default model; 32 is the float32 export. Built once, then found again. */
export async function buildDroverTinyVariant(
  bitsPerWeight: 32 | 8 | 6.5 | 5,
  kvCache: KvCacheType = 'f32',
): Promise<string> {
  const checkpointDir = droverTinyCheckpoint();
  const inputs = ['config.json', 'generation_config.json', 'tokenizer.json', 'model.safetensors'];
  const digest = await digestOfFiles(inputs.map((file) => join(checkpointDir, file)));
  return buildCached(`drover-tiny ${bitsPerWeight} ${kvCache} ${digest}`, (directory) =>
    writeWholeVariant('drover-tiny', checkpointDir, { bitsPerWeight, kvCache }, directory),
  );
}

/** A chat the default model answered greedily when it was trained, with the logits of every position. */
export interface GoldenChat {
  readonly promptIds: readonly number[];
  readonly greedyIds: readonly number[];
  readonly text: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  /** Float32 `[promptIds.length + greedyIds.length, 1024]` */
  readonly logits: Float32Array;
}

interface GoldenJson {
  readonly messages: GoldenChat['messages'];
  readonly prompt_ids: number[];
  readonly greedy_ids: number[];
  readonly text: string;
}

export async function readGoldenChats(): Promise<GoldenChat[]> {
  const folder = join(droverTinyCheckpoint(), 'golden');
  const chats = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as GoldenJson[];
  const file = await readFile(join(folder, 'golden_logits.safetensors'));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString('utf8')) as Record<
    string,
    { data_offsets: [number, number] }
  >;
  return chats.map((chat, index) => {
    const [begin, end] = header[`logits.${index}`]!.data_offsets.map((offset) => 8 + headerBytes + offset);
    return {
      messages: chat.messages,
      promptIds: chat.prompt_ids,
      greedyIds: chat.greedy_ids,
      text: chat.text,
      logits: new Float32Array(Uint8Array.from(file.subarray(begin, end)).buffer),
    };
  });
}
