import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from './load-tokenizer.js';
import type { Tokenizer } from './tokenizer.js';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer('models/drover-tiny');
});

const wellFormed = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());

describe('the vocabulary', () => {
  it('gives every token its bytes: those of a text are those of its tokens', () => {
    const bytes = tokenizer.tokenBytes();
    fc.assert(
      fc.property(wellFormed, (text) => {
        const joined = Buffer.concat(
          [...tokenizer.encodeText(text)].map((id) => bytes[id] ?? new Uint8Array()),
        );
        expect(joined.toString('utf8')).toBe(text);
      }),
    );
  });

  it('has a token for each single byte, and none for control tokens', () => {
    const bytes = tokenizer.tokenBytes();
    expect(bytes).toHaveLength(tokenizer.vocabSize);
    const single = new Set(bytes.map((token) => (token?.length === 1 ? token[0] : undefined)));
    single.delete(undefined);
    expect(single.size).toBe(256);
    const silent = bytes.flatMap((token, id) => (token === null ? [id] : []));
    expect(new Set(silent)).toEqual(tokenizer.specialTokenIds);
  });
});

describe('a token by itself', () => {
  it('has the bytes it adds to a text, though it may hold part of a character', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        const tokens = [...tokenizer.encodeText(text)].map((id) => tokenizer.describeToken(id));
        expect(Buffer.from(tokens.flatMap((token) => token.bytes)).toString('utf8')).toBe(text);
        for (const { token, bytes } of tokens) expect(token).toBe(Buffer.from(bytes).toString('utf8'));
      }),
    );
    const parts = [...tokenizer.encodeText('🦊')].map((id) => tokenizer.describeToken(id));
    expect(parts.length).toBeGreaterThan(1);
    expect(parts[0]?.token).toBe('\uFFFD');
  });

  it('has a name and no bytes where it is a control token, and nothing where it is padding', () => {
    expect(tokenizer.describeToken(1014)).toEqual({ token: '<|eot_id|>', bytes: [] });
    expect(tokenizer.describeToken(5_000)).toEqual({ token: '', bytes: [] });
  });
});
