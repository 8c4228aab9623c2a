import { expect, it } from 'vitest';
import { SUCCEEDED } from './job-facts.fixture.js';
import { StreamReading } from './stream-reading.js';

function read(...events: readonly [id: string, type: string, data: unknown][]): StreamReading {
  const reading = new StreamReading();
  for (const [id, type, data] of events) reading.push({ id, type, data });
  return reading;
}

it('puts the text together and keeps the end', () => {
  const reading = read(
    ['0-1', 'status', { status: 'queued' }],
    ['1-0', 'status', { status: 'running' }],
    ['1-9', 'token', { text: 'one ' }],
    ['1-10', 'token', { text: 'two' }],
    ['2-1', 'token', { text: '!' }],
    ['2-999999999999999', 'done', SUCCEEDED],
  );
  expect(reading).toMatchObject({ text: 'one two!', ends: [SUCCEEDED], outOfOrder: [] });
});

it('tells of ids that repeat or go back', () => {
  const reading = read(
    ['1-2', 'token', { text: 'a' }],
    ['1-2', 'token', { text: 'a' }],
    ['1-1', 'token', { text: 'b' }],
  );
  expect(reading.outOfOrder).toEqual(['1-2 after 1-2', '1-1 after 1-2']);
});
