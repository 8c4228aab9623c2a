import type { PipeTransform } from '@nestjs/common';
import type { z } from 'zod';
import { describeZodError } from './describe-zod-error.js';

/** Parses a body or a query with a contract's schema; what passes is trusted from here on. */
export class ZodPipe<T extends z.ZodType> implements PipeTransform<unknown, z.output<T>> {
  constructor(private readonly schema: T) {}

  transform(value: unknown): z.output<T> {
    const parsed = this.schema.safeParse(value);
    if (parsed.success) return parsed.data;
    throw describeZodError(parsed.error, value);
  }
}
