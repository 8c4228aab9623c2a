import { describe, expect, it } from 'vitest';
import { isBlamed, readOomKills } from './is-blamed.js';

const signal = (name: string) => ({ kind: 'signal', signal: name }) as const;
const code = (number: number) => ({ kind: 'code', code: number }) as const;

describe('a worker died of what it was doing', () => {
  it.each(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE'])('by %s', (name) => {
    expect(isBlamed(signal(name), false)).toBe(true);
  });

  it('by an error nobody foresaw', () => {
    expect([1, 7, 134, 139].map((number) => isBlamed(code(number), false))).toEqual([true, true, true, true]);
  });

  it('by SIGKILL where memory ran out, and not where it did not', () => {
    expect(isBlamed(signal('SIGKILL'), true)).toBe(true);
    expect(isBlamed(signal('SIGKILL'), false)).toBe(false);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'])('but not by %s, even where memory ran out too', (name) => {
    expect(isBlamed(signal(name), true)).toBe(false);
  });

  it.each([0, 3, 78, 80, 84])('but not by exit code %i', (number) => {
    expect(isBlamed(code(number), true)).toBe(false);
  });
});

it('a kernel that does not count its kills is no witness', () => {
  expect(readOomKills('/nowhere')).toBeNull();
  expect(readOomKills('/proc/version')).toBeNull();
});
