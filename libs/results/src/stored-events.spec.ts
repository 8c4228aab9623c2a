import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toStoredEvents, type StreamEntry } from './stored-events.js';

const token = (id: string, text: string, n = 1): StreamEntry => [
  id,
  ['type', 'token', 'text', text, 'n', String(n)],
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
