import { describe, expect, it } from 'vitest';
import { EngineClosedError, InvalidGenerationRequestError, type GenerationResult } from '#engine';
import { concludeAttempt, endOf, endOfError, endOfWait } from './attempt-end.js';

const result: GenerationResult = {
  text: 'one two',
  tokenIds: [7, 8],
  resumedTokenCount: 0,
  finish: 'aborted',
  promptTokenCount: 5,
  cachedTokenCount: 0,
  timeToFirstTokenMs: 3,
  prefillMs: 2,
  decodeMs: 4,
};
const usage = { promptTokens: 5, completionTokens: 2, cachedTokens: 0 };

describe('how an attempt ended', () => {
  it('a complete text counts, whatever came after it', () => {
    expect(endOf({ ...result, finish: 'stop' }, 'cancelled')).toMatchObject({
      kind: 'completed',
      finishReason: 'stop',
    });
  });

  it.each(['cancelled', 'deadline'] as const)('%s cuts it', (cause) => {
    expect(endOf(result, cause)).toMatchObject({ kind: 'cut', cause });
  });

  it.each(['lost', 'shutdown'] as const)('%s hands it over', (cause) => {
    expect(endOf(result, cause)).toEqual({ kind: 'handed-over', cause });
    // The stream may lack the end of a text that was complete.
    expect(endOf({ ...result, finish: 'stop' }, cause)).toEqual({ kind: 'handed-over', cause });
    expect(endOfError(new Error('late'), { text: '', tokenCount: 0 }, cause)).toEqual({
      kind: 'handed-over',
      cause,
    });
  });

  it('stopped before it ran: what earlier attempts have shown is its text', () => {
    const shown = { text: 'one two', tokenIds: [7, 8] };
    expect(concludeAttempt(endOfWait(shown, 5, 'cancelled'), 5, 9)).toMatchObject({
      status: 'cancelled',
      text: 'one two',
      usage,
    });
    expect(endOfWait(shown, 5, 'lost')).toEqual({ kind: 'handed-over', cause: 'lost' });
  });

  it('an engine that closes hands over, a request it refuses is the input at fault, all else is the engine', () => {
    const published = { text: 'one', tokenCount: 1 };
    expect(endOfError(new EngineClosedError(), published, undefined)).toEqual({
      kind: 'handed-over',
      cause: 'shutdown',
    });
    expect(
      endOfError(new InvalidGenerationRequestError('minTokens', 'too many'), published, undefined),
    ).toMatchObject({
      kind: 'refused',
      failure: { code: 'invalid_input', message: '`minTokens`: too many' },
    });
    expect(endOfError(new Error('out of memory'), published, 'cancelled')).toEqual({
      kind: 'broken',
      failure: { code: 'engine_error', message: 'out of memory' },
      published,
    });
  });
});

describe('the record of an attempt', () => {
  it('succeeds with the reason the text ended', () => {
    expect(concludeAttempt({ kind: 'completed', result, finishReason: 'length' }, 5, 99)).toEqual({
      status: 'succeeded',
      text: 'one two',
      finishReason: 'length',
      usage,
      timings: { timeToFirstTokenMs: 3, prefillMs: 2, decodeMs: 4, resumedTokens: 0 },
      failure: null,
      finishedAtMs: 99,
    });
  });

  it.each([
    ['cancelled', 'cancelled'],
    ['deadline', 'expired'],
  ] as const)('cut by %s is %s and keeps its partial text and usage', (cause, status) => {
    expect(concludeAttempt({ kind: 'cut', cause, result }, 5, 99)).toMatchObject({
      status,
      finishReason: cause,
      text: 'one two',
      usage,
      failure: null,
    });
  });

  it('broken keeps the text that clients have already seen', () => {
    const failure = { code: 'engine_error', message: 'out of memory' } as const;
    const end = { kind: 'broken', failure, published: { text: 'one', tokenCount: 1 } } as const;
    expect(concludeAttempt(end, 5, 99)).toMatchObject({
      status: 'failed',
      text: 'one',
      finishReason: 'error',
      usage: { promptTokens: 5, completionTokens: 1 },
      failure,
    });
  });

  it.each(['lost', 'shutdown'] as const)('%s writes nothing', (cause) => {
    expect(concludeAttempt({ kind: 'handed-over', cause }, 5, 99)).toBeNull();
  });
});
