/** `quant.json`: what a variant is and how to know that its files are whole. */
export interface VariantManifest {
  readonly formatVersion: 1;
  readonly model: string;
  readonly variant: string;
  /** Digest over checkpoint, plan and files: the variant's identity. */
  readonly sha256: string;
  readonly targetBitsPerWeight: number;
  /** Achieved bits per weight over the decoder's linear layers, scales included. */
  readonly bitsPerWeight: number;
  readonly headBitsPerWeight: number;
  readonly checkpointSha256: string;
  readonly plan: readonly TensorPlanEntry[];
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
  readonly quality: {
    /** Mean KL divergence from the float32 model in nats per token, over the report's rows. */
    readonly klNatsPerToken: number;
    readonly top1Agreement: number;
    readonly tokens: number;
  } | null;
  readonly quantizeSeconds: number;
}

export interface TensorPlanEntry {
  readonly tensor: string;
  readonly bits: 4 | 8 | 32;
  readonly blockSize: number;
}
