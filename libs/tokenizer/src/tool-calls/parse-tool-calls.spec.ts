import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolCallSchema, type Tool } from '#contracts';
import { parseToolCalls } from './parse-tool-calls.js';

const tool = (name: string): Tool => ({ type: 'function', function: { name } });
const TOOLS = ['get_weather', 'add', 'now-utc'].map(tool);

/** Names and arguments of the calls, and the content beside them. */
function parse(text: string) {
  const { content, toolCalls } = parseToolCalls(text, TOOLS, 'job');
  return [content, ...toolCalls.map((call) => [call.function.name, call.function.arguments])];
}
const whole = (calls: readonly [name: string, json: string][]) => [null, ...calls];

describe('calls are read', () => {
  it.each([
    ['as JSON', '{"name": "get_weather", "parameters": {"city": "Oslo"}}'],
    ['with `arguments`', '{"name": "get_weather", "arguments": {"city": "Oslo"}}'],
    ['with their type', '{"type": "function", "name": "get_weather", "parameters": {"city": "Oslo"}}'],
    ['in any order, over lines', '{\n  "parameters": {"city": "Oslo"},\n  "name": "get_weather"\n}\n'],
    ['after the tag', ' <|python_tag|> {"name": "get_weather", "parameters": {"city": "Oslo"}};'],
    ['in a JSON array', '[ {"name": "get_weather", "parameters": {"city": "Oslo"}} ]'],
    ['as Python', "[get_weather(city='Oslo')]"],
    ['as Python with blanks', '[ get_weather( city = "Oslo" , ) ]\n'],
  ])('%s', (_, text) => {
    expect(parse(text)).toEqual(whole([['get_weather', '{"city": "Oslo"}']]));
  });

  it.each([
    ['; between', '{"name": "add", "parameters": {"a": 1}}; {"name": "now-utc", "parameters": {}}'],
    ['a line each', '{"name": "add", "parameters": {"a": 1}}\n{"name": "now-utc", "parameters": {}}'],
    [
      'a tag each',
      '<|python_tag|>{"name":"add","parameters":{"a": 1}}<|python_tag|>{"name":"now-utc","parameters":{}}',
    ],
    ['a JSON array', '[{"name": "add", "parameters": {"a": 1}}, {"name": "now-utc", "parameters": {}}]'],
    ['a Python list', '[add(a=1), now-utc()]'],
  ])('several at once: %s', (_, text) => {
    expect(parse(text)).toEqual(
      whole([
        ['add', '{"a": 1}'],
        ['now-utc', '{}'],
      ]),
    );
  });

  it('after text, which stays content', () => {
    expect(parse('Let me see.\n\n{"name": "add", "parameters": {}}')).toEqual(['Let me see.', ['add', '{}']]);
    expect(parse('I add. <|python_tag|>[add(a=1)]')).toEqual(['I add.', ['add', '{"a": 1}']]);
  });

  it('after an example of a call, which stays content as well', () => {
    const example = '{"name": "add", "parameters": {"a": 1}}\nwould add. So:';
    expect(parse(`${example}\n{"name": "add", "parameters": {"a": 2}}`)).toEqual([
      example,
      ['add', '{"a": 2}'],
    ]);
  });

  it('with every digit of their numbers', () => {
    const json = '{"id": 12345678901234567890, "x": 1e400}';
    expect(parse(`{"name": "add", "parameters": ${json}}`)).toEqual(whole([['add', json]]));
    expect(parse('[add(id=12345678901234567890, x=1e400)]')).toEqual(whole([['add', json]]));
  });

  it('with every kind of Python literal', () => {
    const text = String.raw`[add(a=[1, -2.5e3, []], b={'k': None, "l": {}}, c=True, d='it\'s\n\x41\u00e9\U0001F98A \d', é=false)]`;
    const [, call] = parse(text);
    expect(JSON.parse(String(call?.[1]))).toEqual({
      a: [1, -2500, []],
      b: { k: null, l: {} },
      c: true,
      d: "it's\nAé🦊 \\d",
      é: false,
    });
  });

  it('with ids that are a function of seed and place', () => {
    const ids = (seed: string) =>
      parseToolCalls('[add(), add()]', TOOLS, seed).toolCalls.map((call) => call.id);
    expect(ids('a')).toEqual(ids('a'));
    expect(new Set([...ids('a'), ...ids('b')]).size).toBe(4);
    expect(ids('a')).toEqual([expect.stringMatching(/^call_[\da-z]{24}$/u), expect.any(String)]);
  });
});

describe('text stays content, unchanged,', () => {
  it.each([
    ['of a tool that was not offered', '{"name": "drop_table", "parameters": {}}'],
    ['where one of several tools was not offered', '[add(a=1), drop_table()]'],
    ['that is cut off', '{"name": "add", "parameters": {"a": 1}'],
    ['that is cut off inside a string', '{"name": "add", "parameters": {"a": "1}}'],
    ['that is cut off after a whole call', '{"name": "add", "parameters": {}}; {"name": "add", "par'],
    ['that goes on after the call', '{"name": "add", "parameters": {}}\nThat adds.'],
    ['with a call inside a line', 'Say {"name": "add", "parameters": {}}'],
    ['with a call in a fence', '```json\n{"name": "add", "parameters": {}}\n```'],
    ['without arguments', '{"name": "add"}'],
    ['with both kinds of arguments', '{"name": "add", "parameters": {}, "arguments": {}}'],
    ['with other members', '{"name": "add", "parameters": {}, "why": "sum"}'],
    ['with a member twice', '{"name": "get_weather", "name": "add", "parameters": {}}'],
    ['with arguments in a list', '{"name": "add", "parameters": [1]}'],
    ['that is almost JSON', '{"name": "add", "parameters": {"a": 1,}}'],
    ['of another type', '{"type": "object", "name": "add", "parameters": {}}'],
    ['inside other JSON', '{"call": {"name": "add", "parameters": {}}}'],
    ['with arguments by place', '[add(1, 2)]'],
    ['with an argument twice', '[add(a=1, a=2)]'],
    ['with an expression', '[add(a=1+1)]'],
    ['with a character that does not exist', String.raw`[add(a='\U00FFFFFF')]`],
    ['of an empty list', '[]'],
    ['of a link', '[add](https://example.com)'],
    ['of nothing', ''],
    ['of blanks', ' \n '],
  ])('%s', (_, text) => {
    expect(parse(text)).toEqual([text]);
  });
});

const json = fc.json({ maxDepth: 3 }).filter((text) => text.trim().startsWith('{'));
const jsonCall = fc.record({ name: fc.constantFrom('get_weather', 'add', 'now-utc'), json });
const writeJson = ({ name, json: values }: { name: string; json: string }) =>
  `{"name": "${name}", "parameters": ${values}}`;

const pythonString = fc.string({ unit: 'binary' }).map((text) => text.toWellFormed());
const { value: pythonValue } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, tie('leaf'), tie('list'), tie('dict')),
  leaf: fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    pythonString,
  ),
  list: fc.array(tie('value'), { maxLength: 3 }),
  dict: fc.dictionary(pythonString, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}));
const pythonCall = fc.record({
  name: fc.constantFrom('get_weather', 'add'),
  values: fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/u), pythonValue, {
    maxKeys: 3,
    noNullPrototype: true,
  }),
});

/** As Python's `repr` writes it. */
function repr(value: unknown): string {
  if (typeof value === 'string')
    return `'${value.replace(/[\\']/gu, String.raw`\$&`).replaceAll('\n', String.raw`\n`)}'`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (typeof value !== 'object') return Object.is(value, -0) ? '-0.0' : JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${repr(key)}: ${repr(item)}`)
    .join(', ')}}`;
}

describe('whatever is said', () => {
  const separator = fc.constantFrom('; ', ';', '\n', '\n\n', ' ');
  const prose = fc.constantFrom('', 'Well.\n', 'Two lines\nof text.\n<|python_tag|>');

  it('calls in JSON are read as they were written', () => {
    fc.assert(
      fc.property(
        prose,
        fc.array(jsonCall, { minLength: 1, maxLength: 4 }),
        separator,
        (before, calls, between) => {
          const expected = calls.map((call) => [call.name, call.json.trim()]);
          expect(parse(before + calls.map(writeJson).join(between)).slice(1)).toEqual(expected);
          expect(parse(`[${calls.map(writeJson).join(', ')}]`)).toEqual([null, ...expected]);
        },
      ),
    );
  });

  it('calls in Python are read as they were meant', () => {
    fc.assert(
      fc.property(prose, fc.array(pythonCall, { minLength: 1, maxLength: 4 }), (before, calls) => {
        const spelled = calls.map(({ name, values }) => {
          const pairs = Object.entries(values).map(([key, value]) => `${key}=${repr(value)}`);
          return `${name}(${pairs.join(', ')})`;
        });
        const { toolCalls } = parseToolCalls(`${before}[${spelled.join(', ')}]`, TOOLS, 'job');
        expect(toolCalls.map((call) => [call.function.name, JSON.parse(call.function.arguments)])).toEqual(
          calls.map(({ name, values }) => [name, values]),
        );
      }),
    );
  });

  const fragment = fc.oneof(
    fc.constantFrom('{', '}', '[', ']', '(', ')', '"', "'", '\\', ',', ':', ';', '=', '\n', ' ', '1', 'True'),
    fc.constantFrom(
      '"name"',
      '"parameters"',
      '"add"',
      'add',
      'a',
      '<|python_tag|>',
      '{"name": "add", "parameters": {}}',
    ),
    fc.constantFrom('[add(a=', "[add(a='", '{"name": "add", "parameters": {"a": '),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const anyText = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(''));

  it('the answer is content and then calls that a client can use, or the text itself', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const { content, toolCalls } = parseToolCalls(text, TOOLS, 'job');
        const kept = toolCalls.length === 0 ? content === text : text.startsWith(content ?? '');
        expect(kept).toBe(true);
        for (const call of toolCalls) {
          expect(toolCallSchema.parse(call)).toEqual(call);
          expect(TOOLS.map(({ function: { name } }) => name)).toContain(call.function.name);
          expect(JSON.parse(call.function.arguments)).toBeTypeOf('object');
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('nothing is a call where no tool was offered', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parseToolCalls(text, [], 'job')).toEqual({ content: text, toolCalls: [] });
      }),
    );
  });

  it.each([
    '{\n',
    '{}\n',
    '[\n',
    '[add(a=[1,\n',
    "[add(a='\n",
    '"\\',
    '{"\\"',
    '\n',
    '[ ',
    ' ',
    '<|python_tag|> {"a":1}',
    '{"name": "add", "parameters": {\n',
  ])('a million characters of %j are read in one pass', (unit) => {
    // With a pass per line this would take hours.
    const text = unit.repeat(1_000_000 / unit.length);
    expect(parseToolCalls(text, TOOLS, 'job').content).toBe(text);
  });
});
