import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { explainUnloadable, hasCudaProvider } from './cuda-provider.js';
import { ortLibraryFolder } from './ort-library.js';

const linux = process.platform === 'linux';
const PROVIDER = 'libonnxruntime_providers_cuda.so';

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'drover-cuda-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

describe.runIf(linux)('a CUDA provider that does not load', () => {
  it('names the library that it lacks, and what brings it', async () => {
    const folder = await newFolder();
    // A real library, made to need one of CUDA's that is not here.
    const library = await readFile(join(ortLibraryFolder(), 'onnxruntime_binding.node'));
    library.write('libcublasLt-12.so.9', library.indexOf('libonnxruntime.so.1'), 'latin1');
    await writeFile(join(folder, 'libonnxruntime_providers_shared.so'), library);
    await copyFile(join(ortLibraryFolder(), 'onnxruntime_binding.node'), join(folder, PROVIDER));
    expect(hasCudaProvider(folder)).toBe(true);
    expect(explainUnloadable(folder)).toMatch(/needs libcublasLt-12\.so\.9.*Install CUDA 12 with cuDNN 9/);
  });

  it('is to be installed anew where its files are broken', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'libonnxruntime_providers_shared.so'), 'not a library');
    expect(explainUnloadable(folder)).toMatch(/not those of this ONNX Runtime.*ONNXRUNTIME_NODE_INSTALL/);
  });
});
