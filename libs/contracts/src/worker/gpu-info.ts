/** What a GPU is, as its driver says; `software` is a Vulkan device that runs on the CPU. */
export type GpuKind = 'discrete' | 'integrated' | 'virtual' | 'software' | 'other';

/** A GPU of a host. */
export interface GpuInfo {
  /** 8-4-4-4-12 hex digits; one GPU has one on a host, whatever API shows it. Other hosts may have the same. */
  readonly uuid: string;
  readonly name: string;
  readonly kind: GpuKind;
  /** `NVIDIA 570.86.15` */
  readonly driver: string;
  /** Memory of its own; where it has none, what it may take of the host's. */
  readonly memoryBytes: number;
  /** What is left of that for this process; null where the driver does not say. */
  readonly availableBytes: number | null;
}
