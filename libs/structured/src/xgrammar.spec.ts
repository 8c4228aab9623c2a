import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction, constants } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ConstraintCompiler } from './constraint/constraint-compiler.js';
import { generateText, randomPick } from './testing/generate-text.js';
import { JSON_TOKENS, smallVocabulary } from './testing/small-vocabulary.js';

type XGrammar = typeof import('@mlc-ai/web-xgrammar');

/** Its file is UMD in a package that says it is ESM: neither `import` nor `require` takes it. */
function loadXGrammar(): XGrammar {
  const require = createRequire(import.meta.url);
  const file = require.resolve('@mlc-ai/web-xgrammar');
  const module = { exports: {} };
  const parameters = ['module', 'exports', 'require', '__filename', '__dirname'];
  const run = compileFunction(readFileSync(file, 'utf8'), parameters, {
    filename: file,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  Reflect.apply(run, undefined, [module, module.exports, require, file, dirname(file)]);
  return z.custom<XGrammar>().parse(module.exports);
}

/** Without counted strings: there XGrammar takes an escaped surrogate pair for two characters. */
const SCHEMAS = [
  { type: 'object', properties: { a: { type: 'string' }, b: { type: 'integer' } }, required: ['a', 'b'] },
  { type: 'array', items: { type: 'boolean' }, minItems: 2, maxItems: 4 },
  { type: 'string', pattern: '^[a-c]{2,4}$' },
  { type: 'integer', minimum: -17, maximum: 1234 },
  { enum: ['yes', 1, null] },
  { anyOf: [{ type: 'null' }, { type: 'object', properties: { x: { type: 'number' } }, required: ['x'] }] },
];

describe("XGrammar's own grammar of a schema", () => {
  it.each(SCHEMAS)('accepts what is written for %j', async (schema) => {
    const { Grammar, Testings } = loadXGrammar();
    const grammar = await Grammar.fromJSONSchema(JSON.stringify(schema));
    const vocabulary = smallVocabulary(JSON_TOKENS);
    const parsed = z.record(z.string(), z.json()).parse(schema);
    const factory = new ConstraintCompiler(vocabulary).compile({
      kind: 'format',
      format: { type: 'json_schema', json_schema: { name: 'test', schema: parsed } },
    });
    for (let seed = 0; seed < 40; seed += 1) {
      const constraint = factory?.create();
      if (constraint === undefined) throw new Error('No constraint');
      const text = generateText(
        constraint,
        vocabulary,
        constraint.minRemainingTokens() + seed,
        randomPick(seed),
      );
      expect([text, await Testings.isGrammarAcceptString(grammar, text)]).toEqual([text, true]);
    }
    grammar.dispose();
  });
});
