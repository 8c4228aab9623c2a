import koffi, { type LibraryHandle } from 'koffi';

/**
 * koffi gives native code a stack of its own, 128 KiB for calls on other threads. Shader compilers of WebGPU drivers
 * overflow that; this is what a thread has by default. It cannot be changed once a library has been loaded.
 */
const BACKGROUND_STACK_BYTES = 8 * 1024 * 1024;

koffi.config({ async_stack_size: BACKGROUND_STACK_BYTES });

/**
 * Loads a shared library; null is the program itself. The handle must be held for as long as functions of the library
 * are called: koffi unmaps a library once its handle is collected.
 */
export const loadNativeLibrary: (path: string | null, options?: LoadOptions) => LibraryHandle = koffi.load;

interface LoadOptions {
  /** Its symbols are there for libraries loaded after it. */
  readonly global?: boolean;
  /** Functions are looked up when they are first called. */
  readonly lazy?: boolean;
}
