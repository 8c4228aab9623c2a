import { createParser } from 'eventsource-parser';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { encodeEvent, KEEP_ALIVE_FRAME } from './encode-event.js';

function parse(stream: string) {
  const events: { id: string | undefined; event: string | undefined; data: string }[] = [];
  createParser({ onEvent: ({ id, event, data }) => events.push({ id, event, data }) }).feed(stream);
  return events;
}

it('carries any text through a standard parser unchanged', () => {
  const character = fc.constantFrom(
    '\n',
    '\r',
    '\u2028',
    '\0',
    ':',
    ' ',
    'a',
    'é',
    '😀',
    '\ud800',
    '"',
    '\\',
  );
  fc.assert(
    fc.property(fc.string({ unit: character }), fc.nat(), (text, n) => {
      const frame = encodeEvent({ id: `1-${n}`, type: 'token', index: 0, text, n: 1 });
      const [event, ...others] = parse(KEEP_ALIVE_FRAME + frame);
      expect(others).toEqual([]);
      expect(event).toMatchObject({ id: `1-${n}`, event: 'token' });
      expect(JSON.parse(event?.data ?? '')).toEqual({ index: 0, text, n: 1 });
    }),
  );
});

it('tells the position only while there is one', () => {
  const status = { id: '0-0', type: 'status', status: 'queued', attempt: 0 } as const;
  expect(parse(encodeEvent(status))[0]?.data).toBe('{"status":"queued","attempt":0}');
  expect(parse(encodeEvent({ ...status, position: 2 }))[0]?.data).toContain('"position":2');
});
