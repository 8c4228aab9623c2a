import type { GpuKind } from '#contracts';

/**
 * Dawn's order of adapters where high performance is asked for, as ONNX Runtime does: by kind, and within one as the
 * drivers list them; the first one is taken (`SortAdapters` in dawn/native/Adapter.cpp; virtual ones are unknown to it).
 */
const RANKS: Readonly<Record<GpuKind, number>> = {
  discrete: 0,
  integrated: 1,
  software: 2,
  virtual: 3,
  other: 3,
};

/** Devices as `webgpu:n` counts them. */
export function inAdapterOrder<T extends { readonly kind: GpuKind }>(devices: readonly T[]): readonly T[] {
  return devices.toSorted((a, b) => RANKS[a.kind] - RANKS[b.kind]);
}
