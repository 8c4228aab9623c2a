import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResponseFormat } from '#contracts';
import { checkForm } from './check-form.js';
import { ConstraintCompiler } from './constraint/constraint-compiler.js';
import { anyRegex } from './testing/any-regex.js';
import { anySchema, schemaFormat } from './testing/any-schema.js';
import { JSON_TOKENS, smallVocabulary } from './testing/small-vocabulary.js';
import { TokenSpelling } from './token-spelling.js';

const spellingOf = (...longer: string[]) => new TokenSpelling(smallVocabulary(longer).bytesOf);

describe('the fewest tokens that write a text', () => {
  it('are found where the longest token first is not the way', () => {
    const bytes = new TextEncoder().encode('abcdef');
    expect(spellingOf('abcd', 'abc', 'def').fewestTokens(bytes)).toBe(2);
    expect(spellingOf('abcd').fewestTokens(bytes)).toBe(3);
    expect(spellingOf().fewestTokens(bytes)).toBe(6);
    expect(new TokenSpelling([null, Uint8Array.of(98)]).fewestTokens(bytes)).toBe(Infinity);
    expect(spellingOf().fewestTokens(new Uint8Array())).toBe(0);
  });
});

describe('the fewest tokens of a form', () => {
  const vocabulary = smallVocabulary(JSON_TOKENS);
  const spelling = new TokenSpelling(vocabulary.bytesOf);
  const constraints = new ConstraintCompiler(vocabulary);

  /** What the API counts, and what the worker will ask for, whose masks walk the whole vocabulary. */
  function fewestTokensOf(format: ResponseFormat) {
    const spec = { kind: 'format', format } as const;
    const constraint = constraints.compile(spec)?.create();
    const asked = constraint?.minRemainingTokens();
    constraint?.close();
    return { counted: checkForm(spec)?.fewestTokens(spelling), asked };
  }
  const agree = (format: ResponseFormat) => {
    const { counted, asked } = fewestTokensOf(format);
    expect(counted).toBe(asked);
  };

  it('are as many as its constraint asks for', () => {
    const choices = ['yes', 'yes, and "a": [] too', '日本日本'];
    expect(fewestTokensOf({ type: 'choice', choices })).toEqual({ counted: 2, asked: 2 });
    agree({ type: 'json_object' });
    fc.assert(
      fc.property(anyRegex, (pattern) => agree({ type: 'regex', pattern })),
      { numRuns: 60 },
    );
    fc.assert(
      fc.property(anySchema, (schema) => agree(schemaFormat(schema))),
      { numRuns: 60 },
    );
  });
});
