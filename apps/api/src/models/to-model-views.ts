import { bitsPerWeightOf, parseModelName, type WorkerHeartbeat } from '#contracts';
import { estimateVariantMemory } from '#model-store';
import type { ModelView, VariantView, WorkerDeviceView } from './model-view.js';
import type { ModelOnDisk, VariantOnDisk } from './read-models.js';
import type { ServedVariant } from './served-variants.js';

/** Models on disk and models that only workers have, in one list by name. */
export function toModelViews(
  onDisk: readonly ModelOnDisk[],
  served: readonly ServedVariant[],
): readonly ModelView[] {
  const names = new Set([...onDisk.map((model) => model.name), ...served.map((entry) => entry.model)]);
  return [...names].toSorted().map((name) =>
    toModelView(
      name,
      onDisk.find((model) => model.name === name),
      served.filter((entry) => entry.model === name),
    ),
  );
}

function toModelView(
  name: string,
  model: ModelOnDisk | undefined,
  served: readonly ServedVariant[],
): ModelView {
  const names = new Set([
    ...(model?.variants ?? []).map((variant) => variant.name),
    ...served.map((entry) => entry.variant),
  ]);
  const variants = [...names].map((variant) =>
    toVariantView(
      `${name}:${variant}`,
      model,
      model?.variants.find((one) => one.name === variant),
      served.find((one) => one.variant === variant),
    ),
  );
  return {
    id: name,
    object: 'model',
    created: Math.floor((model?.createdAtMs ?? 0) / 1000),
    owned_by: 'drover',
    context_tokens: model?.contextTokens ?? null,
    licence: model?.card.licence ?? null,
    limits: model?.card.limits ?? null,
    variants: variants.toSorted((a, b) => b.bits_per_weight - a.bits_per_weight),
  };
}

function toVariantView(
  id: string,
  model: ModelOnDisk | undefined,
  onDisk: VariantOnDisk | undefined,
  served: ServedVariant | undefined,
): VariantView {
  const quality = onDisk?.manifest.quality ?? null;
  const variant = parseModelName(id).variant ?? '';
  return {
    id,
    variant,
    bits_per_weight: onDisk?.bitsPerWeight ?? served?.bitsPerWeight ?? bitsPerWeightOf(variant),
    on_disk: onDisk !== undefined,
    file_bytes: onDisk === undefined ? null : fileBytesOf(onDisk),
    memory_bytes_per_worker: model && onDisk ? memoryBytesOf(model, onDisk) : null,
    quality: quality && {
      kl_nats_per_token: quality.klNatsPerToken,
      top1_agreement: quality.top1Agreement,
      tokens: quality.tokens,
    },
    workers: {
      live: served?.workers ?? 0,
      slots: served?.slots ?? 0,
      slots_used: served?.slotsUsed ?? 0,
      context_tokens: served?.contextTokens ?? null,
      tokens_per_second: served?.tokensPerSecond ?? 0,
      devices: (served?.members ?? []).map(toDeviceView),
    },
  };
}

function toDeviceView({ workerId, device, gpu }: WorkerHeartbeat): WorkerDeviceView {
  return {
    worker: workerId,
    device,
    gpu: gpu && { uuid: gpu.uuid, name: gpu.name, driver: gpu.driver, memory_bytes: gpu.memoryBytes },
  };
}

function fileBytesOf(variant: VariantOnDisk): number {
  return Object.values(variant.manifest.files).reduce((sum, file) => sum + file.bytes, 0);
}

/** The estimate a worker makes at its start, for its default number of slots. */
function memoryBytesOf({ config, contextTokens }: ModelOnDisk, { manifest }: VariantOnDisk): number {
  return estimateVariantMemory({ config, manifest, slots: DEFAULT_SLOTS, contextTokens }).totalBytes;
}

const DEFAULT_SLOTS = 8;
