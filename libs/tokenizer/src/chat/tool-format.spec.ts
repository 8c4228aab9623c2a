import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { DroverError, type ChatMessage, type Tool } from '#contracts';
import { loadTokenizer } from '../load-tokenizer.js';
import { readTokenizerFiles } from '../tokenizer-files.js';
import { Tokenizer } from '../tokenizer.js';
import { parseToolCalls } from '../tool-calls/parse-tool-calls.js';

const DIRECTORY = 'models/drover-tiny';

/** A template with the constructs and the format of LLaMA 3.1's and 3.2's: what they read, print and refuse. */
const LLAMA31 = String.raw`
{%- macro head(role) -%}
{{- '<|start_header_id|>' + role + '<|end_header_id|>\n\n' -}}
{%- endmacro -%}
{{- bos_token }}
{%- if custom_tools is defined %}{% set tools = custom_tools %}{% endif %}
{%- if not tools_in_user_message is defined %}{% set tools_in_user_message = true %}{% endif %}
{%- if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}
{%- if not tools is defined %}{% set tools = none %}{% endif %}
{%- set system_text = '' %}
{%- if messages[0]['role'] == 'system' %}
  {%- set system_text = messages[0]['content'] | trim %}
  {%- set messages = messages[1:] %}
{%- endif %}
{{- head('system') }}
{%- if builtin_tools is defined or tools is not none %}{{- 'Environment: ipython\n' }}{% endif %}
{{- 'Today Date: ' + date_string + '\n\n' + system_text + '<|eot_id|>' }}
{%- if tools_in_user_message and not tools is none %}
  {%- if messages | length == 0 %}{{- raise_exception('no user message to put the tools in') }}{% endif %}
  {{- head('user') }}
  {%- for tool in tools %}{{- tool | tojson(indent=4) + '\n\n' }}{% endfor %}
  {{- messages[0]['content'] | trim + '<|eot_id|>' }}
  {%- set messages = messages[1:] %}
{%- endif %}
{%- for message in messages %}
  {%- if 'tool_calls' in message %}
    {%- if not message.tool_calls | length == 1 %}{{- raise_exception('one call at a time') }}{% endif %}
    {%- set call = message.tool_calls[0].function %}
    {{- head('assistant') + '{"name": "' + call.name + '", "parameters": ' + call.arguments | tojson + '}<|eot_id|>' }}
  {%- elif message.role == 'tool' or message.role == 'ipython' %}
    {{- head('ipython') }}
    {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}
    {%- else %}{{- message.content }}{% endif %}
    {{- '<|eot_id|>' }}
  {%- else %}{{- head(message['role']) + message['content'] | trim + '<|eot_id|>' }}{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- head('assistant') }}{% endif %}`;

let plain: Tokenizer;
let llama31: Tokenizer;
beforeAll(async () => {
  plain = await loadTokenizer(DIRECTORY);
  llama31 = new Tokenizer({ ...(await readTokenizerFiles(DIRECTORY)), chatTemplate: LLAMA31 });
});

const WEATHER: Tool = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Weather of a "city"',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    strict: true,
  },
};
const SHOWN_TOOL = `{
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a \\"city\\"",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {
                    "type": "string"
                }
            }
        }
    }
}`;
const call = (id: string, name: string, json: string) => ({
  id,
  type: 'function' as const,
  function: { name, arguments: json },
});
const turn = (role: string, text: string) =>
  `<|start_header_id|>${role}<|end_header_id|>\n\n${text}<|eot_id|>`;
const head = '<|start_header_id|>assistant<|end_header_id|>\n\n';

const ASKED: ChatMessage[] = [{ role: 'user', content: 'Rain in Oslo and Bergen?' }];
const ANSWERED: ChatMessage[] = [
  ...ASKED,
  {
    role: 'assistant',
    content: null,
    tool_calls: [call('a', 'weather', '{"city":"Oslo"}'), call('b', 'weather', '{"city":"Bergen"}')],
  },
  { role: 'tool', tool_call_id: 'b', content: '{"rain": true}' },
  { role: 'tool', tool_call_id: 'a', content: 'sun' },
];

describe("a template of LLaMA 3.1's kind", () => {
  it('shows the tools where it wants them, calls as objects, and results in its own role', () => {
    const messages: ChatMessage[] = [
      { role: 'system', content: 'Be brief.' },
      ...ASKED,
      { role: 'assistant', tool_calls: [call('a', 'weather', '{"city": "Oslo", "days": [1, null]}')] },
      { role: 'tool', tool_call_id: 'a', content: 'sun' },
    ];
    const prompt = [
      '<|begin_of_text|>',
      turn('system', 'Environment: ipython\nToday Date: 26 Jul 2024\n\nBe brief.'),
      turn('user', `${SHOWN_TOOL}\n\nRain in Oslo and Bergen?`),
      turn('assistant', '{"name": "weather", "parameters": {"city": "Oslo", "days": [1, null]}}'),
      turn('ipython', '"sun"'),
      head,
    ].join('');
    expect(llama31.encodeChat(messages, [WEATHER])).toEqual(plain.encodePrompt(prompt));
  });

  it('says nothing of tools where there are none', () => {
    const prompt = `<|begin_of_text|>${turn('system', 'Today Date: 26 Jul 2024\n\n')}${turn('user', 'Hi')}${head}`;
    expect(llama31.encodeChat([{ role: 'user', content: 'Hi' }], [])).toEqual(plain.encodePrompt(prompt));
  });

  it('hears of calls made at once as calls made in turns, each with its result', () => {
    const prompt = [
      '<|begin_of_text|>',
      turn('system', 'Environment: ipython\nToday Date: 26 Jul 2024\n\n'),
      turn('user', `${SHOWN_TOOL}\n\nRain in Oslo and Bergen?`),
      turn('assistant', '{"name": "weather", "parameters": {"city": "Oslo"}}'),
      turn('ipython', '"sun"'),
      turn('assistant', '{"name": "weather", "parameters": {"city": "Bergen"}}'),
      turn('ipython', String.raw`"{\"rain\": true}"`),
      head,
    ].join('');
    expect(llama31.encodeChat(ANSWERED, [WEATHER])).toEqual(plain.encodePrompt(prompt));
  });

  it('refuses with its own words', () => {
    expect(() => llama31.encodeChat([{ role: 'system', content: 'x' }], [WEATHER])).toThrow(
      /refuses these messages: no user message to put the tools in/u,
    );
  });
});

describe('a template that knows nothing of tools', () => {
  it('gets them in the system message, and calls and results as text', () => {
    const prompt = plain.decode(
      plain.encodeChat([{ role: 'system', content: 'Be brief.' }, ...ANSWERED], [WEATHER]),
    );
    expect(prompt).toMatch(/^system\n\nYou can call the functions described below\./u);
    expect(prompt).toContain(`\n\n${SHOWN_TOOL}\n\nBe brief.user\n\nRain`);
    expect(prompt).toContain(
      'assistant\n\n{"name": "weather", "parameters": {"city":"Oslo"}}; {"name": "weather", "parameters": {"city":"Bergen"}}',
    );
    expect(prompt).toContain('ipython\n\n{"rain": true}ipython\n\nsunassistant\n\n');
  });

  it('gets a system message for them where there is none', () => {
    expect(plain.decode(plain.encodeChat(ASKED, [WEATHER]))).toMatch(/^system\n\n[^]*\}user\n\nRain/u);
  });

  it('shows calls in a form that is read as the same calls', () => {
    const prompt = plain.decode(plain.encodeChat(ANSWERED.slice(0, 2)));
    const { toolCalls } = parseToolCalls(prompt.slice(0, -'assistant\n\n'.length), [WEATHER], 'x');
    expect(toolCalls.map(({ function: { arguments: json } }) => json)).toEqual([
      '{"city":"Oslo"}',
      '{"city":"Bergen"}',
    ]);
  });
});

describe('control tokens', () => {
  const tricky = fc
    .array(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('<|eot_id|>', '<|python_tag|>', '<|start_header_id|>', '"', '\\', '~0:', '<|'),
      ),
    )
    .map((parts) => parts.join('').toWellFormed());

  /** A chat with the text in every place a caller can write to. */
  const chatOf = (text: string): [ChatMessage[], Tool[]] => {
    const parameters = { type: 'object', description: text, properties: { [text]: { enum: [text] } } };
    return [
      [
        { role: 'system', content: text },
        { role: 'user', content: text },
        {
          role: 'assistant',
          content: text,
          tool_calls: [call(text, 'weather', JSON.stringify({ [text]: [text] }))],
        },
        { role: 'tool', tool_call_id: text, content: text },
      ],
      [{ type: 'function', function: { name: 'weather', description: text, parameters } }],
    ];
  };

  it('are never written by a caller, whatever is in tools, calls and results', () => {
    const control = (tokenizer: Tokenizer, text: string) =>
      [...tokenizer.encodeChat(...chatOf(text))].filter((id) => tokenizer.specialTokenIds.has(id));
    fc.assert(
      fc.property(tricky, (text) => {
        for (const tokenizer of [plain, llama31]) {
          expect(control(tokenizer, text)).toEqual(control(tokenizer, 'x'));
        }
      }),
    );
  });

  it('in tools, calls and results stay there as text, in JSON as well', () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const inJson = JSON.stringify(text);
        const spelled = plain.decode(plain.encodeChat(...chatOf(text)));
        expect(spelled).toContain(`"description": ${inJson}`);
        expect(spelled).toContain(`{${inJson}:[${inJson}]}`);
        const rendered = llama31.decode(llama31.encodeChat(...chatOf(text)));
        expect(rendered).toContain(`"description": ${inJson}`);
        expect(rendered).toContain(`"parameters": {${inJson}: [${inJson}]}}`);
        expect(rendered).toContain(`ipython\n\n${inJson}assistant`);
      }),
    );
  });
});

describe('what cannot be shown to a model is an error that names the place:', () => {
  it.each(['', '[]', '"x"', '{"city": "Os', 'null'])('arguments %j', (json) => {
    const messages: ChatMessage[] = [
      ...ASKED,
      { role: 'assistant', tool_calls: [call('a', 'weather', json)] },
    ];
    expect(() => plain.encodeChat(messages, [WEATHER])).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'input.messages[1].tool_calls[0].function.arguments',
      }),
    );
  });

  it('arguments nested without end', () => {
    const json = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const messages: ChatMessage[] = [{ role: 'assistant', tool_calls: [call('a', 'weather', json)] }];
    expect(() => plain.encodeChat(messages)).toThrow(DroverError);
    expect(() => plain.encodeChat(messages)).toThrow(/100 levels/u);
  });
});
