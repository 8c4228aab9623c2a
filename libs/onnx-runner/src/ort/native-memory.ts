import koffi from 'koffi';
import type { Pointer } from './ort-api.js';

/**
 * Address of a buffer's bytes. An explicit `ArrayBuffer` lives outside V8's heap and never moves, unlike a small
 * typed array; it lives as long as it is referenced, so its owner must hold it while native code may touch it.
 */
export function addressOf(buffer: ArrayBuffer): Pointer {
  return koffi.address(buffer);
}

/** An array of addresses for native code, together with all that they point to. */
export interface PointerArray {
  readonly address: Pointer;
  readonly count: number;
  /** The memory behind `address` and its elements: held here so that it is not collected. */
  readonly keepAlive: readonly unknown[];
}

export function pointerArray(pointers: readonly Pointer[], keepAlive: readonly unknown[] = []): PointerArray {
  const buffer = new ArrayBuffer(Math.max(8, pointers.length * 8));
  new BigUint64Array(buffer).set(pointers);
  return { address: addressOf(buffer), count: pointers.length, keepAlive: [buffer, ...keepAlive] };
}

/** Zero-terminated UTF-8 strings as a `char **`. */
export function stringArray(texts: readonly string[]): PointerArray {
  const buffers = texts.map((text) => {
    const bytes = new TextEncoder().encode(`${text}\0`);
    const buffer = new ArrayBuffer(bytes.length);
    new Uint8Array(buffer).set(bytes);
    return buffer;
  });
  return pointerArray(buffers.map(addressOf), buffers);
}
