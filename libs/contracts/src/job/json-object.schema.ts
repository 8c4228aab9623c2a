import { z } from 'zod';

const anyJson: z.ZodType<z.core.util.JSONType> = z.any();

/**
 * Any JSON object. What a JSON parser made is JSON all the way down, so its inside is not walked here: however deep a
 * request nests, no stack overflows.
 */
export const jsonObjectSchema = z.record(z.string(), anyJson);
