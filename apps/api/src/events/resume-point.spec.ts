import { expect, it } from 'vitest';
import { resumePointOf } from './resume-point.js';

it('resumes by the query, else by the header', () => {
  expect(resumePointOf('1-2', '1-9')).toEqual({ eventId: '1-2', param: 'after' });
  expect(resumePointOf(undefined, '1-9')).toEqual({ eventId: '1-9', param: 'last-event-id' });
  expect(resumePointOf(undefined, '')).toBeUndefined();
});

it.each(['', 'x', '1', '1-', '-1-1', '1-1-1', '$', '1-1\n', '1-99999999999999999'])(
  'refuses %j as an event id',
  (id) => {
    expect(() => resumePointOf(id, undefined)).toThrow(/id of an event/);
  },
);
