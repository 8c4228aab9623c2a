import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildRecogniser, formatGrammar, type RestrictingFormat } from '../format-grammar.js';
import { viewFromLoop } from '../grammar/loop-view.js';
import type { MatchState } from '../grammar/match-state.js';
import type { Recogniser } from '../grammar/recogniser.js';
import { anyRegex } from '../testing/any-regex.js';
import { anySchema, schemaFormat } from '../testing/any-schema.js';
import { allowedIds, randomPick } from '../testing/generate-text.js';
import { follow, tryEachToken } from '../testing/reference-mask.js';
import { JSON_TOKENS, smallVocabulary } from '../testing/small-vocabulary.js';
import { ByteLru } from './byte-lru.js';
import { type KeptTokens, TokenMasks } from './token-masks.js';
import { TokenSorter } from './token-sorter.js';
import { buildTokenTrie } from './token-trie.js';

const vocabulary = smallVocabulary([...JSON_TOKENS, 'a"', 'aaa"}', 'b"a', '\u{1f600}', 'aa日"', '"é']);
const trie = buildTokenTrie(vocabulary.bytesOf);

function masksOf(recogniser: Recogniser, keptBytes: number): TokenMasks {
  const scope = {
    trie,
    endTokenIds: vocabulary.endTokenIds,
    kept: new ByteLru<KeptTokens>(keptBytes),
    sorter: new TokenSorter<MatchState>(trie.vocabSize),
  };
  return new TokenMasks(recogniser, scope, 'test');
}

function recogniserOf(format: RestrictingFormat): Recogniser {
  return buildRecogniser(formatGrammar(format), 'test');
}

interface Difference {
  readonly tokensBefore: number;
  readonly remaining: number;
  readonly allowed: readonly number[];
  readonly expected: readonly number[];
}

/** Follows random tokens and compares the masks on the way, for ample and for scarce tokens. */
function differences(format: RestrictingFormat, seed: number, keptBytes: number): Difference[] {
  const recogniser = recogniserOf(format);
  const masks = masksOf(recogniser, keptBytes);
  const words = masks.createWords();
  const pick = randomPick(seed);
  const found: Difference[] = [];
  let state = recogniser.start;
  for (let tokensBefore = 0; tokensBefore < 12; tokensBefore += 1) {
    const tried = tryEachToken(recogniser, state, vocabulary);
    const fewest = masks.tokensFrom(state);
    for (const remaining of [10_000, fewest - 1, fewest, fewest + 1 + (tokensBefore % 5)]) {
      masks.allowed(state, remaining, words);
      const allowed = allowedIds(words);
      const expected = tried.filter(({ fewestTokens }) => fewestTokens <= remaining).map(({ id }) => id);
      if (!isDeepStrictEqual(allowed, expected)) found.push({ tokensBefore, remaining, allowed, expected });
    }
    masks.allowed(state, 10_000, words);
    const texts = allowedIds(words).filter((id) => !vocabulary.endTokenIds.includes(id));
    if (texts.length === 0) return found;
    // Long tokens go through more of a grammar, and most tokens of a small vocabulary are single bytes.
    const long = texts.filter((id) => (vocabulary.bytesOf[id]?.length ?? 0) > 1);
    const token = pick(long.length > 0 && tokensBefore % 3 !== 0 ? long : texts);
    const next = follow(recogniser, state, vocabulary.bytesOf[token] ?? new Uint8Array());
    if (next === null) throw new Error(`Token ${token} was allowed and does not follow`);
    state = next;
    if (tokensBefore % 4 === 3) recogniser.forget();
  }
  return found;
}

describe('A mask allows what trying each token on the automaton allows', () => {
  const keptBytes = fc.constantFrom(0, 20_000, 10_000_000);

  it('for any schema, any place in it and any number of tokens left', () => {
    fc.assert(
      fc.property(anySchema, fc.integer(), keptBytes, (schema, seed, bytes) => {
        expect(differences(schemaFormat(schema), seed, bytes)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('for any regular expression', () => {
    fc.assert(
      fc.property(anyRegex, fc.integer(), keptBytes, (pattern, seed, bytes) => {
        expect(differences({ type: 'regex', pattern }, seed, bytes)).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it.each([
    { type: 'string', maxLength: 6 },
    { type: 'string', minLength: 3, maxLength: 9 },
    { type: 'string', minLength: 40 },
    { type: 'string', pattern: '^("a)*b{0,3}$' },
    { type: 'array', items: { type: 'string', maxLength: 2 }, minItems: 2, maxItems: 4 },
  ])('for counts: %j', (schema) => {
    const found = Array.from({ length: 12 }, (_, seed) =>
      differences(schemaFormat(schema), seed, 10_000_000),
    );
    expect(found.flat()).toEqual([]);
  });
});

describe('What stays inside a loop is found once', () => {
  const inside = (schema: Record<string, unknown>, texts: readonly string[]) => {
    const recogniser = recogniserOf(schemaFormat(schema));
    return texts.map((text) => {
      const state = follow(recogniser, recogniser.start, Buffer.from(text));
      return state === null ? null : (viewFromLoop(recogniser, state)?.inside ?? null);
    });
  };

  it('for all counts of a string and all of its callers, halves of characters too', () => {
    const string = { type: 'string', maxLength: 400 };
    const schema = {
      type: 'object',
      properties: { a: string, b: { type: 'array', items: { $ref: '#/$defs/s' } }, c: { $ref: '#/$defs/s' } },
      required: ['a', 'b', 'c'],
      $defs: { s: string },
    };
    const [first, later, ...others] = inside(schema, [
      '{"a":"x',
      '{"a":"xxxxxx',
      '{"a":"","b":["',
      '{"a":"","b":["x","y',
      '{"a":"","b":[],"c":"xx',
    ]);
    expect(first).not.toBeNull();
    expect(later).toBe(first);
    expect(others[0]).not.toBeNull();
    expect(others).toEqual(others.map(() => others[0]));
  });
});
