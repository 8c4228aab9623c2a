import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toStoredEvents, type StreamEntry } from './stored-events.js';

const token = (id: string, text: string, n = 1, index = 0, logprobs = '', finish = ''): StreamEntry => [
  id,
  ['type', 'token', 'text', text, 'index', `${index}`, 'n', `${n}`, 'logprobs', logprobs, 'finish', finish],
];
const status = (id: string, name: string, attempt: number): StreamEntry => [
  id,
  ['type', 'status', 'status', name, 'attempt', String(attempt)],
];

describe('toStoredEvents', () => {
  it('joins text that was read together, under the id to resume after', () => {
    expect(toStoredEvents([token('1-1', 'He'), token('1-2', 'll', 2), token('1-3', 'o')])).toEqual([
      { id: '1-3', type: 'token', index: 0, text: 'Hello', n: 4 },
    ]);
  });

  it('keeps the text of two attempts apart', () => {
    const story = [token('1-1', 'old'), status('2-0', 'running', 2), token('2-1', 'new')];
    expect(toStoredEvents(story).map(({ id }) => id)).toEqual(['1-1', '2-0', '2-1']);
    expect(toStoredEvents([token('1-1', 'old'), token('2-1', 'new')])).toHaveLength(2);
  });

  it('keeps the texts of a job apart, so that a reader may go on after any id', () => {
    const story = [
      token('1-1', 'a'),
      token('1-2', 'x', 1, 1),
      token('1-3', 'b'),
      token('1-4', '', 1, 0, '', 'stop'),
    ];
    expect(toStoredEvents(story)).toEqual([
      { id: '1-1', type: 'token', index: 0, text: 'a', n: 1 },
      { id: '1-2', type: 'token', index: 1, text: 'x', n: 1 },
      { id: '1-4', type: 'token', index: 0, text: 'b', n: 2, finishReason: 'stop' },
    ]);
  });

  it('joins log probabilities with their text', () => {
    const of = (tokenId: number) => ({ tokenId, token: 't', bytes: [116], logprob: -1, top: [] });
    const told = (tokenId: number) => JSON.stringify(of(tokenId));
    const story = [token('1-1', 'tt', 2, 0, `${told(1)},${told(2)}`), token('1-2', 't', 1, 0, told(3))];
    expect(toStoredEvents(story)).toMatchObject([{ text: 'ttt', logprobs: [of(1), of(2), of(3)] }]);
  });

  it('loses no text and no token, however the entries are cut into reads', () => {
    const entries = fc.array(fc.record({ text: fc.string(), n: fc.integer({ min: 1, max: 9 }) }));
    fc.assert(
      fc.property(entries, fc.nat(), (parts, at) => {
        const all = parts.map(({ text, n }, i) => token(`1-${i + 1}`, text, n));
        const cut = all.length === 0 ? 0 : at % all.length;
        const events = [...toStoredEvents(all.slice(0, cut)), ...toStoredEvents(all.slice(cut))];
        const tokens = events.filter((event) => event.type === 'token');
        expect(tokens.map(({ text }) => text).join('')).toBe(parts.map(({ text }) => text).join(''));
        expect(tokens.reduce((sum, { n }) => sum + n, 0)).toBe(parts.reduce((sum, { n }) => sum + n, 0));
      }),
    );
  });
});
