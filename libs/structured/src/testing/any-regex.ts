import * as fc from 'fast-check';

const atom = fc.constantFrom('a', 'b', 'é', '日', '"', '[a-c]', '[^a]', '\\d', '.', '\\u{1f600}');
const count = fc.oneof(
  fc.constantFrom('*', '+', '?'),
  fc.tuple(fc.nat(4), fc.nat(6)).map(([least, more]) => `{${least},${least + more}}`),
  fc.nat(5).map((least) => `{${least},}`),
  fc.nat(5).map((times) => `{${times}}`),
);

/** Patterns with nested and adjoining counts, those that can be read in several ways among them. */
export const anyRegex: fc.Arbitrary<string> = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    atom,
    fc.tuple(tie('pattern'), count).map(([part, times]) => `(?:${part})${times}`),
    fc.array(tie('pattern'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
  ),
})).pattern;
