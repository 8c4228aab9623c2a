import { Ajv2020 } from 'ajv/dist/2020.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { ResponseFormat } from '#contracts';
import { anySchema, type Schema, schemaFormat } from '../testing/any-schema.js';
import { allowedIds, generateText, randomPick } from '../testing/generate-text.js';
import { JSON_TOKENS, smallVocabulary } from '../testing/small-vocabulary.js';
import { ConstraintCompiler } from './constraint-compiler.js';
import type { ConstraintSpec } from './constraint-spec.js';

const vocabulary = smallVocabulary(JSON_TOKENS);
const compiler = new ConstraintCompiler(vocabulary);
const ajv = new Ajv2020({ strict: false, validateFormats: false });

function createConstraint(spec: ConstraintSpec) {
  const constraint = compiler.compile(spec)?.create();
  if (constraint === undefined) throw new Error('No constraint');
  return constraint;
}

/** The text of a run with a budget of the least tokens and some more. */
function generate(format: ResponseFormat, seed: number, moreTokens: number): string {
  const constraint = createConstraint({ kind: 'format', format });
  const maxTokens = constraint.minRemainingTokens() + moreTokens;
  return generateText(constraint, vocabulary, maxTokens, randomPick(seed));
}

describe('A constrained text', () => {
  it('parses and validates, for any schema, whatever tokens are chosen and however few there are', () => {
    fc.assert(
      fc.property(anySchema, fc.integer(), fc.nat(60), (schema, seed, moreTokens) => {
        const text = generate(schemaFormat(schema), seed, moreTokens);
        ajv.validate(schema, JSON.parse(text));
        expect({ schema, text, errors: ajv.errors }).toEqual({ schema, text, errors: null });
      }),
      { numRuns: 400 },
    );
  });

  it('is a JSON object, for json_object', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(80), (seed, moreTokens) => {
        const value: unknown = JSON.parse(generate({ type: 'json_object' }, seed, moreTokens));
        expect(value).toBeTypeOf('object');
        expect(Array.isArray(value)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it.each(['[a-z]{2,}\\d*', '(?:ab|a)(b+|é?)c{3}', '\\w+@\\w+\\.(com|日本)', '[^\\s]{4}|x*', '.*?end'])(
    'matches the regular expression %s',
    (pattern) => {
      fc.assert(
        fc.property(fc.integer(), fc.nat(20), (seed, moreTokens) => {
          const text = generate({ type: 'regex', pattern }, seed, moreTokens);
          expect(text).toMatch(new RegExp(`^(?:${pattern})$`, 'u'));
        }),
      );
    },
  );

  it('is one of the choices, one that begins another among them', () => {
    const choices = ['yes', 'yes please', 'no', '日本', '"quoted"'];
    const seen = new Set(
      Array.from({ length: 200 }, (_, seed) => generate({ type: 'choice', choices }, seed, seed % 15)),
    );
    expect([...seen].toSorted()).toEqual(choices.toSorted());
  });

  it('calls one of the tools with parameters of its schema', () => {
    const parameters: Schema = {
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
    };
    const tools = [
      {
        type: 'function' as const,
        function: { name: 'weather', parameters: z.record(z.string(), z.json()).parse(parameters) },
      },
    ];
    for (let seed = 0; seed < 50; seed += 1) {
      const constraint = createConstraint({
        kind: 'tools',
        tools,
        toolChoice: 'required',
        allowsSeveral: false,
      });
      const text = generateText(
        constraint,
        vocabulary,
        constraint.minRemainingTokens() + seed,
        randomPick(seed),
      );
      const call = z.object({ name: z.string(), parameters: z.unknown() }).parse(JSON.parse(text));
      expect(call.name).toBe('weather');
      expect(ajv.validate(parameters, call.parameters)).toBe(true);
    }
  });

  it('closes where a way leads to a billion bytes that nobody may follow', () => {
    const list = (items: Schema) => ({ type: 'array', items, minItems: 1000 });
    const format = schemaFormat({ type: 'object', properties: { a: list(list(list({ type: 'integer' }))) } });
    for (let seed = 0; seed < 20; seed += 1) expect(JSON.parse(generate(format, seed, seed))).toEqual({});
  });

  it('fits the tokens that its shortest form takes, and has no token to begin with where none would do', () => {
    const format = schemaFormat({
      type: 'object',
      properties: { kind: { const: 'yes' } },
      required: ['kind'],
    });
    const constraint = createConstraint({ kind: 'format', format });
    // {"  kind  ":  "  yes  "}
    expect(constraint.minRemainingTokens()).toBe(6);
    expect(JSON.parse(generate(format, 1, 0))).toEqual({ kind: 'yes' });
    expect(allowedIds(constraint.allowedTokens(1))).toEqual([]);
  });
});
