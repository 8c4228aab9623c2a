import type { ConstraintVocabulary } from '../constraint/constraint-compiler.js';

const END_TOKEN = 0;

/** One end token, all bytes, and longer tokens. */
export function smallVocabulary(longer: readonly string[]): ConstraintVocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return {
    bytesOf: [null, ...bytes, ...longer.map((token) => new TextEncoder().encode(token))],
    endTokenIds: [END_TOKEN],
  };
}

/** Tokens as models have them: they cross the borders of values. */
export const JSON_TOKENS = [
  '{"',
  '":',
  '": "',
  '", "',
  '"}',
  '"]',
  '},',
  '{"a',
  'a":',
  '[[',
  ']]',
  '[{"',
  '"a"',
  ': [',
  '1.5',
  '123',
  '0.',
  '-1',
  'true',
  'fal',
  'se',
  'null',
  '\\"',
  '\\u',
  '\\ud8',
  '00',
  'e1',
  'é',
  '日本',
  '日'.repeat(5),
  'abc',
  'aaaa',
  ' ',
  '  ',
  '\n',
  '\\\\',
  '20',
  '24-',
  '-01',
  'T0',
  'key',
  'kind',
  'yes',
  '{"kind": "',
  ', "',
  '}]',
  '}}',
  '[]',
  '{}',
];
