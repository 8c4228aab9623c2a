import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const LIBRARY_FILES: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
};

/** ONNX Runtime's shared library is not where `onnxruntime-node` should have put it, or does not load. */
export class OrtLibraryError extends Error {
  override readonly name = 'OrtLibraryError';
}

/** Folder that holds ONNX Runtime's libraries for this platform inside the installed `onnxruntime-node`. */
export function ortLibraryFolder(platform: NodeJS.Platform = process.platform, arch = process.arch): string {
  const require = createRequire(import.meta.url);
  const packageFolder = dirname(require.resolve('onnxruntime-node/package.json'));
  return join(packageFolder, 'bin', 'napi-v6', platform, arch);
}

/**
 * Path of the ONNX Runtime library that `onnxruntime-node` ships for this platform.
 *
 * @throws OrtLibraryError naming the path that was looked at.
 */
export function findOrtLibrary(
  platform: NodeJS.Platform = process.platform,
  arch: NodeJS.Architecture = process.arch,
): string {
  const fileName = LIBRARY_FILES[platform];
  const path = join(ortLibraryFolder(platform, arch), fileName ?? 'libonnxruntime');
  if (fileName !== undefined && existsSync(path)) return path;
  throw new OrtLibraryError(
    `onnxruntime-node brings no ONNX Runtime for ${platform}/${arch}: ${path} is not there. ` +
      'Run `npm ci`, on linux x64 or arm64, macOS arm64, or Windows x64 or arm64.',
  );
}
