import { expect, it } from 'vitest';
import { requestIdOf } from './request-id.js';

it('echoes an id that is safe to log', () => {
  expect(requestIdOf('trace-1.2_3')).toBe('trace-1.2_3');
});

it.each([undefined, '', 'a b', 'a\n', 'x'.repeat(129), ['a', 'b'], '<script>'])('replaces %j', (given) => {
  expect(requestIdOf(given)).toMatch(/^req_[0-9a-f-]{36}$/);
});
