import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JobInput, ResponseFormat } from '#contracts';
import type { ModelRunner } from '#engine';
import { createOnnxModelRunner } from '#onnx-runner';
import { buildDroverTinyVariant } from '#testing';
import { loadTokenizer, type Tokenizer } from '#tokenizer';
import { createHandler, LEASE, runningJob } from './generation-handler.fixture.js';

const CHOICES = 4;
const ajv = new Ajv2020({ strict: false, validateFormats: false });

const string = { type: 'string' };
const person = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 12 }, age: { type: 'integer', minimum: 0, maximum: 150 } },
  required: ['name', 'age'],
};
const SCHEMAS: Record<string, unknown>[] = [
  person,
  { type: 'array', items: person, minItems: 2, maxItems: 5 },
  {
    type: 'object',
    properties: { a: { type: 'object', properties: { b: string }, required: ['b'] } },
    required: ['a'],
  },
  { type: 'object', properties: { kind: { enum: ['café', '"quoted"', null, 7] }, on: { type: 'boolean' } } },
  { type: 'string', minLength: 5, maxLength: 20 },
  { type: 'string', pattern: '^[A-Z][a-z]{2,8}( \\d+)?$' },
  { type: 'object', additionalProperties: { type: 'array', items: { type: 'number' } } },
  {
    $ref: '#/$defs/tree',
    $defs: {
      tree: {
        type: 'object',
        properties: { name: string, children: { type: 'array', items: { $ref: '#/$defs/tree' } } },
        required: ['name', 'children'],
      },
    },
  },
];

describe('Texts at temperature 1.5 with few tokens', () => {
  let runner: ModelRunner;
  let tokenizer: Tokenizer;

  beforeAll(async () => {
    const directory = await buildDroverTinyVariant(8);
    tokenizer = await loadTokenizer(directory);
    runner = await createOnnxModelRunner({
      modelPath: join(directory, 'model.onnx'),
      device: 'cpu',
      slots: CHOICES,
      contextTokens: 256,
      threads: 1,
    });
  });
  afterAll(() => runner.close());

  async function textsOf(response_format: ResponseFormat, max_tokens: number): Promise<string[]> {
    const input: JobInput = {
      messages: [{ role: 'user', content: 'Who is Max?' }],
      response_format,
      temperature: 1.5,
      n: CHOICES,
      seed: max_tokens,
      max_tokens,
    };
    const start = { kind: 'started', job: runningJob(input), generated: [], suspect: false } as const;
    const { lifecycle, handler } = createHandler({ runner, tokenizer }, () => start);
    await handler.handle(LEASE, new AbortController().signal);
    const [end] = lifecycle.finished;
    expect(end).toMatchObject({ status: 'succeeded', failure: null });
    return end?.choices.map(({ text }) => text) ?? [];
  }

  it.each(SCHEMAS)('validate against %j', async (schema) => {
    const parsed = z.record(z.string(), z.json()).parse(schema);
    for (const maxTokens of [40, 60, 100]) {
      const format: ResponseFormat = { type: 'json_schema', json_schema: { name: 'test', schema: parsed } };
      for (const text of await textsOf(format, maxTokens)) {
        ajv.validate(schema, JSON.parse(text));
        expect({ text, errors: ajv.errors }).toEqual({ text, errors: null });
      }
    }
  });

  it.each(['[a-z]{2,}\\d*', '(?:yes|no), (\\w+ ){1,6}\\w+\\.', '[^\\n]{0,40}é'])(
    'match %s',
    async (pattern) => {
      for (const maxTokens of [25, 45]) {
        for (const text of await textsOf({ type: 'regex', pattern }, maxTokens)) {
          expect(text).toMatch(new RegExp(`^(?:${pattern})$`, 'u'));
        }
      }
    },
  );

  it('are one of the choices', async () => {
    const choices = ['yes', 'yes please', 'no', '日本'];
    for (const text of await textsOf({ type: 'choice', choices }, 12)) expect(choices).toContain(text);
  });
});
