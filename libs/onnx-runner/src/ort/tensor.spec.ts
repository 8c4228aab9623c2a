import { expect, it } from 'vitest';
import { Tensor } from './tensor.js';

it('a tensor that does not fit its buffer is refused with the bytes it needs', () => {
  expect(() => new Tensor('float32', [2, 3], new ArrayBuffer(23))).toThrow(
    'needs 24 bytes; the buffer has 23',
  );
  expect(() => new Tensor('int64', [1], new ArrayBuffer(8), 1)).toThrow('needs 9 bytes');
});

it('a tensor may be closed twice, and says so when it is used after', () => {
  const tensor = new Tensor('int64', [2, 1], new ArrayBuffer(16));
  expect(tensor.handle).toBeTypeOf('bigint');
  tensor.close();
  tensor.close();
  expect(() => tensor.handle).toThrow('Tensor [2, 1] is closed.');
});
