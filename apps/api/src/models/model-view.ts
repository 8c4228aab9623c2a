/** A model as `GET /v1/models` tells it; the OpenAI fields first. */
export interface ModelView {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
  readonly context_tokens: number | null;
  readonly licence: string | null;
  readonly limits: string | null;
  readonly variants: readonly VariantView[];
}

export interface VariantView {
  readonly id: string;
  readonly variant: string;
  readonly bits_per_weight: number;
  readonly on_disk: boolean;
  readonly file_bytes: number | null;
  readonly memory_bytes_per_worker: number | null;
  readonly quality: {
    readonly kl_nats_per_token: number;
    readonly top1_agreement: number;
    readonly tokens: number;
  } | null;
  readonly workers: {
    readonly live: number;
    readonly slots: number;
    readonly slots_used: number;
    readonly context_tokens: number | null;
    readonly tokens_per_second: number;
    readonly devices: readonly WorkerDeviceView[];
  };
}

/** What one ready worker runs on. */
export interface WorkerDeviceView {
  readonly worker: string;
  readonly device: string;
  readonly gpu: {
    readonly uuid: string;
    readonly name: string;
    readonly driver: string;
    readonly memory_bytes: number;
  } | null;
}

export interface ModelPage {
  readonly object: 'list';
  readonly data: readonly ModelView[];
}
