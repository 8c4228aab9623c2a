import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OrtLibraryError, findOrtLibrary } from './ort-library.js';

it('the library of this platform is where onnxruntime-node puts it', () => {
  expect(existsSync(findOrtLibrary())).toBe(true);
});

it.each([
  ['darwin', 'x64'],
  ['linux', 'riscv64'],
  ['freebsd', 'x64'],
] as const)(
  'a platform that onnxruntime-node does not serve is named with its path: %s/%s',
  (platform, arch) => {
    expect(() => findOrtLibrary(platform, arch)).toThrow(OrtLibraryError);
    expect(() => findOrtLibrary(platform, arch)).toThrow(`${platform}/${arch}`);
    expect(() => findOrtLibrary(platform, arch)).toThrow(/bin.napi-v6/);
  },
);
