import { expect, it } from 'vitest';
import { waitPreferenceOf } from './wait-preference.js';

it.each([
  [undefined, undefined, { seconds: 0, byHeader: false }],
  [5, 'wait=9', { seconds: 5, byHeader: false }],
  [undefined, 'wait=9', { seconds: 9, byHeader: true }],
  [undefined, 'respond-async, wait=10', { seconds: 10, byHeader: true }],
  [undefined, 'handling=lenient; foo, Wait = "7"', { seconds: 7, byHeader: true }],
  [undefined, 'wait=9999', { seconds: 300, byHeader: true }],
  [undefined, 'wait=-1', { seconds: 0, byHeader: false }],
  [undefined, 'wait=soon', { seconds: 0, byHeader: false }],
  [undefined, 'await=5', { seconds: 0, byHeader: false }],
])('query %j and Prefer %j ask for %j', (query, prefer, wanted) => {
  expect(waitPreferenceOf(query, prefer)).toEqual(wanted);
});
