import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTokenizer } from './load-tokenizer.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'drover-tokenizer-'));
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await cp(`models/drover-tiny/${name}`, join(directory, name));
  }
});
afterEach(() => rm(directory, { recursive: true }));

const write = (name: string, value: unknown) => writeFile(join(directory, name), JSON.stringify(value));
const BYTE_LEVEL = { decoder: { type: 'ByteLevel' }, added_tokens: [] };

describe('loading a tokenizer', () => {
  it('needs only the two tokenizer files', async () => {
    const tokenizer = await loadTokenizer(directory);
    expect(tokenizer.decode(tokenizer.encodeText('Hello, fox 🦊'))).toBe('Hello, fox 🦊');
  });

  it('prefers chat_template.jinja and takes end tokens from generation_config.json', async () => {
    await writeFile(join(directory, 'chat_template.jinja'), '{{ bos_token }}hi');
    await write('generation_config.json', { eos_token_id: [3, 1014] });
    const tokenizer = await loadTokenizer(directory);
    expect(tokenizer.encodeChat([{ role: 'user', content: 'x' }])).toEqual(tokenizer.encodePrompt('hi'));
    expect(tokenizer.endTokenIds).toContain(3);
  });

  it.each([
    ['a file that is cut off', '{"model": {', /is not valid JSON/u],
    ['a list', '[]', /is not a JSON object/u],
    ['no model', '{}', /lacks `vocab` or `merges`/u],
    [
      'another kind of tokenizer',
      JSON.stringify({ ...BYTE_LEVEL, model: { type: 'Unigram', vocab: {}, merges: [] } }),
      /not a byte-level BPE tokenizer/u,
    ],
    [
      'a vocabulary without all bytes',
      JSON.stringify({
        ...BYTE_LEVEL,
        model: { type: 'BPE', vocab: { a: 0 }, merges: [] },
        pre_tokenizer: null,
        post_processor: null,
        normalizer: null,
      }),
      /no token for byte/u,
    ],
  ])('names the file and the next step for %s', async (_, content, problem) => {
    await writeFile(join(directory, 'tokenizer.json'), content);
    const file = join(directory, 'tokenizer.json');
    await expect(loadTokenizer(directory)).rejects.toMatchObject({
      name: 'TokenizerFileError',
      file,
      message: expect.stringMatching(problem),
    });
    await expect(loadTokenizer(directory)).rejects.toThrow(/(Copy|Use) /u);
  });

  it('names a file that is missing', async () => {
    await rm(join(directory, 'tokenizer_config.json'));
    await expect(loadTokenizer(directory)).rejects.toThrow(/tokenizer_config\.json: cannot be read/u);
  });
});
