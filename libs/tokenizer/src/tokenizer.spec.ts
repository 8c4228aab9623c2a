import { readFileSync } from 'node:fs';
import { Tokenizer as WholeTokenizer } from '@huggingface/tokenizers';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { chatMessageSchema } from '#contracts';
import { loadTokenizer } from './load-tokenizer.js';
import { readTokenizerFiles, type TokenizerFiles } from './tokenizer-files.js';
import { Tokenizer } from './tokenizer.js';

const DIRECTORY = 'models/drover-tiny';
const SPECIAL_TEXTS = ['<|begin_of_text|>', '<|eot_id|>', '<|start_header_id|>', '<|end_header_id|>'];
const BOS = 1008;
const EOT = 1014;

const goldenChats = z.array(
  z.object({
    messages: z.array(chatMessageSchema),
    prompt_ids: z.array(z.int()),
    greedy_ids: z.array(z.int()),
    text: z.string(),
  }),
);
const jsonObject = z.record(z.string(), z.unknown());

const readJson = (name: string): unknown => JSON.parse(readFileSync(`${DIRECTORY}/${name}`, 'utf8'));

/** The library's own tokenizer, control tokens and all: the reference. */
const whole = new WholeTokenizer(
  jsonObject.parse(readJson('tokenizer.json')),
  jsonObject.parse(readJson('tokenizer_config.json')),
);
let tokenizer: Tokenizer;
let files: TokenizerFiles;
beforeAll(async () => {
  tokenizer = await loadTokenizer(DIRECTORY);
  files = await readTokenizerFiles(DIRECTORY);
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom(' ', '\n', '\r\n', 'a', 'Z', '7', "'s", '.', 'é', '日', '🦊') }),
);
const trickyText = fc
  .array(fc.oneof(anyText, fc.constantFrom(...SPECIAL_TEXTS, '<|eot', '_id|>', '\uE000', '<|')))
  .map((parts) => parts.join(''));
const hasNoSpecial = (text: string) => !text.includes('<|');
const anyRole = fc.constantFrom('system' as const, 'user' as const, 'assistant' as const);
const chat = (content: fc.Arbitrary<string>) =>
  fc.array(fc.record({ role: anyRole, content }), { minLength: 1, maxLength: 5 });

/** The template of drover-tiny, written out in TypeScript. */
function render(messages: readonly { role: string; content: string }[]): string {
  const turns = messages.map(
    ({ role, content }) => `<|start_header_id|>${role}<|end_header_id|>\n\n${content.trim()}<|eot_id|>`,
  );
  return `<|begin_of_text|>${turns.join('')}<|start_header_id|>assistant<|end_header_id|>\n\n`;
}

describe('encoding', () => {
  it('gives the golden chats their golden prompt tokens', () => {
    const chats = goldenChats.parse(readJson('golden/golden.json'));
    expect(chats.length).toBeGreaterThan(3);
    for (const golden of chats) {
      expect([...tokenizer.encodeChat(golden.messages)]).toEqual(golden.prompt_ids);
      expect(tokenizer.decode(golden.greedy_ids)).toBe(golden.text);
    }
  });

  it('tokenizes a chat without control texts as its whole rendering', () => {
    fc.assert(
      fc.property(chat(anyText.filter(hasNoSpecial)), (messages) => {
        const expected = whole.encode(render(messages), { add_special_tokens: false }).ids;
        expect([...tokenizer.encodeChat(messages)]).toEqual(expected);
      }),
    );
  });

  it('never turns message content into control tokens, and keeps every character of it', () => {
    const control = (ids: Int32Array) => [...ids].filter((id) => tokenizer.specialTokenIds.has(id));
    fc.assert(
      fc.property(chat(trickyText.map((text) => text.toWellFormed())), (messages) => {
        const ids = tokenizer.encodeChat(messages);
        const blank = messages.map((message) => ({ ...message, content: 'x' }));
        expect(control(ids)).toEqual(control(tokenizer.encodeChat(blank)));
        const said = messages.map(({ role, content }) => `${role}\n\n${content.trim()}`).join('');
        expect(tokenizer.decode(ids)).toBe(`${said}assistant\n\n`);
      }),
    );
  });

  it('encodes text as data that decodes to itself', () => {
    fc.assert(
      fc.property(
        trickyText.map((text) => text.toWellFormed()),
        (text) => {
          const ids = tokenizer.encodeText(text);
          expect([...ids].some((id) => tokenizer.specialTokenIds.has(id))).toBe(false);
          expect(tokenizer.decode(ids)).toBe(text);
        },
      ),
    );
  });

  it('begins a raw prompt with BOS exactly once and lets its control tokens act', () => {
    const plain = [...tokenizer.encodePrompt('Hello')];
    expect(plain[0]).toBe(BOS);
    expect([...tokenizer.encodePrompt('<|begin_of_text|>Hello')]).toEqual(plain);
    expect([...tokenizer.encodePrompt('Hello<|eot_id|>')]).toEqual([...plain, EOT]);
  });

  it('adds the BOS that a template leaves out', () => {
    const bare = new Tokenizer({ ...files, chatTemplate: "{{ messages[0]['content'] }}" });
    expect([...bare.encodeChat([{ role: 'user', content: 'Hello' }])]).toEqual([
      ...tokenizer.encodePrompt('Hello'),
    ]);
  });

  it('knows the ends of a text and the size of the vocabulary', () => {
    expect(tokenizer.endTokenIds).toEqual([1009, 1013, EOT]);
    expect(tokenizer.vocabSize).toBe(1024);
  });
});

describe('decoding', () => {
  const anyTokens = fc.array(fc.integer({ min: 0, max: 1100 }), { maxLength: 60 });

  it('token by token equals decoding the whole', () => {
    fc.assert(
      fc.property(anyTokens, (ids) => {
        const known = ids.filter((id) => id < tokenizer.vocabSize && !tokenizer.specialTokenIds.has(id));
        expect(tokenizer.decode(ids)).toBe(known.length === 0 ? '' : whole.decode(known));
      }),
    );
  });

  it('never emits half a character: each piece of well-formed text is well formed', () => {
    fc.assert(
      fc.property(
        anyText.map((text) => text.toWellFormed()),
        (text) => {
          const decoder = tokenizer.createTextDecoder();
          const pieces = [...tokenizer.encodeText(text)].map((id) => decoder.push(id));
          expect(pieces.every((piece) => piece.isWellFormed())).toBe(true);
          expect(pieces.join('')).toBe(text);
          expect(decoder.flush()).toBe('');
        },
      ),
    );
  });
});

describe('a template', () => {
  it('that refuses the messages says why, as an error the caller can act on', () => {
    const strict = new Tokenizer({ ...files, chatTemplate: "{{ raise_exception('Roles must alternate') }}" });
    expect(() => strict.encodeChat([{ role: 'user', content: 'Hi' }])).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'input.messages',
        message: expect.stringContaining('Roles must alternate'),
      }),
    );
  });

  it('that is missing makes chat unsupported, and prompts still work', () => {
    const base = new Tokenizer({ ...files, chatTemplate: null });
    expect(() => base.encodeChat([{ role: 'user', content: 'Hi' }])).toThrow(/send `prompt` instead/u);
    expect(base.encodePrompt('Hi')[0]).toBe(BOS);
  });

  it('that cannot be parsed is an error at loading', () => {
    expect(() => new Tokenizer({ ...files, chatTemplate: '{% if %}' })).toThrow(/cannot be parsed/u);
  });
});
