import { describe, expect, it } from 'vitest';
import { EngineClosedError, InvalidGenerationRequestError, type GenerationResult } from '#engine';
import { endOf, endOfError } from './attempt-end.js';
import { resultSoFar } from './text-result.js';

const going: GenerationResult = resultSoFar(
  { text: 'one two', tokenIds: [7, 8], logprobs: [], finishReason: null },
  5,
);
const ended: GenerationResult = { ...going, finish: 'stop' };

describe('how an attempt ended', () => {
  it('complete texts count, whatever came after them', () => {
    const results = [ended, { ...ended, finish: 'length' }] as const;
    expect(endOf(results, 'cancelled')).toEqual({ kind: 'completed', results });
  });

  it.each(['cancelled', 'deadline'] as const)('%s cuts a job of which one text goes on', (cause) => {
    expect(endOf([ended, going], cause)).toEqual({ kind: 'cut', cause, results: [ended, going] });
  });

  it.each(['lost', 'shutdown'] as const)('%s hands it over', (cause) => {
    const handedOver = { kind: 'handed-over', cause };
    expect(endOf([going], cause)).toEqual(handedOver);
    // The stream may lack the end of a text that was complete.
    expect(endOf([ended], cause)).toEqual(handedOver);
    expect(endOfError(new Error('late'), [], cause)).toEqual(handedOver);
  });

  it('an engine that closes hands over, a request it refuses is the input at fault, all else is the engine', () => {
    expect(endOfError(new EngineClosedError(), [going], undefined)).toEqual({
      kind: 'handed-over',
      cause: 'shutdown',
    });
    expect(
      endOfError(new InvalidGenerationRequestError('minTokens', 'too many'), [going], undefined),
    ).toMatchObject({
      kind: 'refused',
      failure: { code: 'invalid_input', message: '`minTokens`: too many' },
    });
    expect(endOfError(new Error('out of memory'), [going], 'cancelled')).toEqual({
      kind: 'broken',
      failure: { code: 'engine_error', message: 'out of memory' },
      results: [going],
    });
  });
});
