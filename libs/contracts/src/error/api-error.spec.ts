import { describe, expect, it } from 'vitest';
import { DroverError, describeErrorCode, toApiErrorBody } from './api-error.js';

describe('API errors', () => {
  it("have OpenAI's body, with the field at fault", () => {
    const error = new DroverError('invalid_value', 'too hot', { param: 'input.temperature' });
    expect(toApiErrorBody(error)).toEqual({
      error: {
        message: 'too hot',
        type: 'invalid_request_error',
        param: 'input.temperature',
        code: 'invalid_value',
      },
    });
  });

  it('say null where no field is at fault', () => {
    expect(toApiErrorBody(new DroverError('no_worker', 'nobody serves it')).error.param).toBeNull();
  });

  it('keep the status of a code: a full queue is 429, an absent Redis 503, an overlong prompt 400', () => {
    expect(describeErrorCode('queue_full').httpStatus).toBe(429);
    expect(describeErrorCode('queue_unavailable').httpStatus).toBe(503);
    expect(describeErrorCode('context_length_exceeded').httpStatus).toBe(400);
  });
});
