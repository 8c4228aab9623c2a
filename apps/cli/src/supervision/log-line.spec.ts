import { describe, expect, it } from 'vitest';
import { isLoud, readLogLine } from './log-line.js';

describe('a line of a child process', () => {
  it('of our logger is its message, with the cause', () => {
    expect(readLogLine('{"level":"error","msg":"no Redis","err":{"message":"ECONNREFUSED"}}')).toEqual({
      level: 'error',
      message: 'no Redis: ECONNREFUSED',
    });
  });

  it('of anybody else is taken as it is', () => {
    for (const line of ['Segmentation fault', '{not json', '{"a":1']) {
      expect(readLogLine(line)).toEqual({ level: null, message: line });
    }
  });

  it('is shown when it warns, fails or is no log record at all', () => {
    const shown = (line: string) => isLoud(readLogLine(line));
    expect(shown('{"level":"warn","msg":"m"}')).toBe(true);
    expect(shown('{"level":"fatal","msg":"m"}')).toBe(true);
    expect(shown('{"level":"info","msg":"m"}')).toBe(false);
    expect(shown('TypeError: x is not a function')).toBe(true);
    expect(shown('   ')).toBe(false);
  });
});
