import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DroverError, type ResponseFormat, type Tool, type ToolChoice } from '#contracts';
import { checkForm } from './check-form.js';

const SCHEMA = 'input.response_format.json_schema.schema';

function refusalOf(check: () => void): { param: string | null; message: string } | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof DroverError)) throw error;
    return { param: error.param, message: error.message };
  }
}

const checkFormat = (format: ResponseFormat) => checkForm({ kind: 'format', format });
const checkTools = (tools: readonly Tool[], toolChoice: ToolChoice) =>
  checkForm({ kind: 'tools', tools, toolChoice, allowsSeveral: true });

function refusalOfSchema(schema: unknown) {
  const parsed = z.record(z.string(), z.json()).parse(schema);
  return refusalOf(() => checkFormat({ type: 'json_schema', json_schema: { name: 'test', schema: parsed } }));
}

const toolsRefusal = (tools: readonly Tool[], toolChoice: ToolChoice) =>
  refusalOf(() => checkTools(tools, toolChoice));

const refusalOfRegex = (pattern: string) => refusalOf(() => checkFormat({ type: 'regex', pattern }));

describe('A schema is refused by the name of the field', () => {
  it.each([
    [{ not: {} }, '.not'],
    [{ type: 'array', uniqueItems: true }, '.uniqueItems'],
    [{ type: 'array', contains: {} }, '.contains'],
    [{ type: 'number', multipleOf: 0.1 }, '.multipleOf'],
    [{ type: 'object', patternProperties: { a: {} } }, '.patternProperties'],
    [{ if: {} }, '.if'],
    [{ type: 'object', properties: { a: { type: 'text' } } }, '.properties.a.type'],
    [{ type: 'object', properties: {}, required: ['a'] }, '.required'],
    [{ type: 'string', format: 'hostname' }, '.format'],
    [{ type: 'string', pattern: '(?=a)' }, '.pattern'],
    [{ type: 'number', minimum: 0.5 }, '.minimum'],
    [{ $ref: 'https://example.com/schema.json' }, '.$ref'],
    [{ $ref: '#/$defs/a' }, '.$ref'],
    [{ allOf: [{}, {}] }, '.allOf'],
    [{ oneOf: [{ type: 'integer' }, { type: 'number' }] }, '.oneOf'],
    [{ anyOf: [{}], type: 'object' }, '.type'],
  ])('%j', (schema, field) => {
    expect(refusalOfSchema(schema)?.param).toBe(SCHEMA + field);
  });
});

describe('A schema is refused as a whole', () => {
  it('where only endless values fit', () => {
    const schema = { type: 'object', properties: { a: { $ref: '#' } }, required: ['a'] };
    expect(refusalOfSchema(schema)?.message).toContain('matches no text at all');
  });

  it('where it refers to itself without anything in between', () => {
    expect(refusalOfSchema({ anyOf: [{ $ref: '#' }, { type: 'null' }] })?.message).toContain(
      'refers to itself',
    );
  });

  it('where reading it would hold up everyone else', () => {
    const branches = Array.from({ length: 400 }, (_, index) => ({ const: index }));
    expect(refusalOfSchema({ oneOf: branches })?.message).toContain('more than 50000 comparisons');
    const node = (name: string) => ({
      type: 'object',
      properties: Object.fromEntries(
        branches.slice(0, 12).map((_, at) => [`p${at}`, { $ref: `#/$defs/${name}` }]),
      ),
      required: ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'p11'],
    });
    const bomb = {
      oneOf: [{ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }],
      $defs: { a: node('a'), b: node('b') },
    };
    expect(refusalOfSchema(bomb)?.message).toContain('more than 50000 comparisons');
    const long = Object.fromEntries(branches.map((_, at) => [`p${at}`.padEnd(40, 'x'), {}]));
    const open = { type: 'object', properties: long, additionalProperties: {} };
    expect(refusalOfSchema(open)?.param).toBe(`${SCHEMA}.additionalProperties`);
  });

  it('where a list has more places than a stack is deep, and not where it has as many as allowed', () => {
    const places = (count: number) => ({
      type: 'array',
      prefixItems: Array.from({ length: count }, () => true),
    });
    expect(refusalOfSchema(places(1025))?.message).toContain('at most 1024');
    const nested = { ...places(1023), prefixItems: [...places(1023).prefixItems, places(1024)] };
    expect(refusalOfSchema(nested)).toBeNull();
  });

  it('where it is too deep or too long', () => {
    let schema: unknown = {};
    for (let depth = 0; depth < 70; depth += 1) schema = { type: 'array', items: schema };
    expect(refusalOfSchema(schema)?.message).toContain('nested deeper than 64');
    expect(refusalOfSchema({ const: 'a'.repeat(70_000) })?.message).toContain('longer than 65536');
  });
});

it('A oneOf is taken where a required property tells its branches apart', () => {
  const branch = (kind: string) => ({
    type: 'object',
    properties: { kind: { const: kind }, value: { type: 'string' } },
    required: ['kind'],
  });
  expect(refusalOfSchema({ oneOf: [branch('a'), branch('b'), { type: 'null' }] })).toBeNull();
});

it.each([
  { minimum: 0 },
  { minimum: 1 },
  { maximum: 150 },
  { exclusiveMinimum: -5 },
  { minimum: 1900, maximum: 2100 },
])('Numbers with the bounds %j are taken, however far the other side is', (bounds) => {
  expect(refusalOfSchema({ type: 'integer', ...bounds })).toBeNull();
  expect(refusalOfSchema({ type: 'number', ...bounds })).toBeNull();
});

describe('A regular expression is refused', () => {
  it.each(['(a)\\1', 'a(?!b)', '\\bword', 'a^b', '[z-a]', '(a', 'a)', 'a**', 'a{2,1}', 'a{1001}', '\\p{L}'])(
    'for what is not regular or not well formed: %s',
    (pattern) => {
      expect(refusalOfRegex(pattern)?.param).toBe('input.response_format.pattern');
    },
  );

  it('for more states than an automaton may hold, at once', () => {
    expect(refusalOfRegex('\\S'.repeat(1000))?.message).toContain('30000 states');
  });
});

it('A demanded call names the tool whose parameters are not supported', () => {
  const tools = ['ok', 'bad'].map((name) => ({
    type: 'function' as const,
    function: { name, parameters: name === 'ok' ? {} : { not: {} } },
  }));
  const refusal = refusalOf(() => {
    checkTools(tools, 'required');
  });
  expect(refusal?.param).toBe('input.tools[1].function.parameters.not');
  const ok = { type: 'function' as const, function: { name: 'ok' } };
  expect(
    refusalOf(() => {
      checkTools(tools, ok);
    }),
  ).toBeNull();
});

it('Tools are refused for parameters of too many characters together, and taken where one of them is named', () => {
  const parameters = { type: 'object', description: 'a'.repeat(40_000) };
  const tools = ['a', 'b', 'c', 'd'].map((name) => ({
    type: 'function' as const,
    function: { name, parameters },
  }));
  expect(toolsRefusal(tools, 'required')?.message).toContain('at most 131072');
  expect(toolsRefusal(tools, { type: 'function', function: { name: 'a' } })).toBeNull();
});
