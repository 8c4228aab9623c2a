import { expect, it } from 'vitest';
import { DeviceError, OrtError } from '#onnx-runner';
import { EXIT_CODES } from './exit-codes.js';
import { toStartupError } from './open-model-runner.js';

it.each([
  [new RangeError('Array buffer allocation failed'), EXIT_CODES.memoryTooSmall],
  [new OrtError('FAIL', 'load model m.onnx', 'std::bad_alloc'), EXIT_CODES.memoryTooSmall],
  [
    new OrtError('RUNTIME_EXCEPTION', 'load model m.onnx', 'Failed to allocate memory for requested buffer'),
    EXIT_CODES.memoryTooSmall,
  ],
  [new DeviceError('cuda:7', 'there is no such GPU'), EXIT_CODES.device],
])('%s ends the worker with the exit code of its cause', (error, exitCode) => {
  expect(toStartupError(error, 'cpu')).toMatchObject({ name: 'StartupError', exitCode, cause: error });
});

it('leaves what it does not know as it is', () => {
  for (const error of [new RangeError('`slots` is 0'), new OrtError('NO_SUCHFILE', 'load model', 'gone')]) {
    expect(toStartupError(error, 'cpu')).toBe(error);
  }
});
