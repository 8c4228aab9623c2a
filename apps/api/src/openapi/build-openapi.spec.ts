import { validate } from '@scalar/openapi-parser';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { buildOpenApi } from './build-openapi.js';

const document = buildOpenApi('1.2.3');
const { components } = z
  .object({
    components: z.object({
      schemas: z.looseObject({
        SubmitJob: z.object({
          additionalProperties: z.literal(false),
          properties: z.object({ input: z.object({ properties: z.record(z.string(), z.unknown()) }) }),
        }),
      }),
    }),
  })
  .parse(document);

describe('the OpenAPI document', () => {
  it('is valid 3.1', async () => {
    const { valid, errors, version } = await validate(structuredClone(document));
    expect(errors ?? []).toEqual([]);
    expect({ valid, version }).toEqual({ valid: true, version: '3.1' });
  });

  it('refers only to schemas that it has', () => {
    const names = Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`);
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref);
    expect(refs.length).toBeGreaterThan(20);
    for (const ref of new Set(refs)) expect(names).toContain(ref);
  });

  it('describes the fields that a job may have', () => {
    const fields = Object.keys(components.schemas.SubmitJob.properties.input.properties);
    expect(fields).toEqual(
      expect.arrayContaining(['temperature', 'n', 'logprobs', 'response_format', 'tools']),
    );
  });
});
