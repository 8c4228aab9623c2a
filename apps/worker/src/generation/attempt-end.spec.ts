import { describe, expect, it } from 'vitest';
import {
  EngineClosedError,
  EngineStepError,
  InvalidGenerationRequestError,
  ModelRunError,
  type GenerationResult,
} from '#engine';
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
    const cause = new ModelRunError('out_of_memory', new Error('no more memory'));
    const failed = new EngineStepError(cause);
    expect(endOfError(failed, [going], 'cancelled')).toEqual({
      kind: 'broken',
      fault: { reason: 'out_of_memory', message: failed.message, cause },
      results: [going],
    });
    expect(endOfError('a bug', [going], undefined)).toMatchObject({
      kind: 'broken',
      fault: { reason: 'step_failed', message: 'a bug' },
    });
  });
});
