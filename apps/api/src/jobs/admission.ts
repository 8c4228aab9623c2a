import { DroverError, kvCacheOf, parseModelName, type JobInput, type ModelRef } from '#contracts';
import type { QueueDepth } from '#queue';
import { describeServed, type ServedVariant } from '../models/served-variants.js';

/** Variant name that leaves the choice to the service. */
const AUTO_VARIANT = 'auto';

/** A model as admission sees it: what is on disk, served or not. */
export interface KnownModel {
  readonly name: string;
  readonly contextTokens: number;
  readonly variants: readonly { readonly name: string; readonly bitsPerWeight: number }[];
}

/** A variant that a job may go to. */
export interface Candidate extends ModelRef {
  readonly bitsPerWeight: number;
  readonly contextTokens: number;
  /** Slots of all live workers; 0 while none is live. */
  readonly slots: number;
}

export interface WantedVariant {
  readonly model: string;
  readonly variant: string;
  readonly waitForWorker: boolean;
}

/**
 * Model and variant that a request names, by `model`, `variant` or `name:variant`.
 * @throws DroverError `invalid_value` when both name a variant and they differ
 */
export function wantedVariantOf(request: {
  readonly model: string;
  readonly variant?: string | undefined;
  readonly wait_for_worker?: boolean | undefined;
}): WantedVariant {
  const named = parseModelName(request.model);
  if (named.variant !== undefined && request.variant !== undefined && named.variant !== request.variant) {
    throw new DroverError(
      'invalid_value',
      `\`model\` names variant ${named.variant} and \`variant\` names ${request.variant}. Give one of them.`,
      { param: 'variant' },
    );
  }
  return {
    model: named.model,
    variant: named.variant ?? request.variant ?? AUTO_VARIANT,
    waitForWorker: request.wait_for_worker ?? false,
  };
}

/**
 * Variants that may take the job: the live ones, or with `waitForWorker` those on disk when none is live.
 * Never empty.
 * @throws DroverError `model_not_found`, `variant_not_found` or `no_worker`, naming what is served
 */
export function findCandidates(
  wanted: WantedVariant,
  known: readonly KnownModel[],
  served: readonly ServedVariant[],
): readonly Candidate[] {
  const live = served.filter((entry) => entry.model === wanted.model);
  const onDisk = toCandidates(known.find((model) => model.name === wanted.model));
  const name = `${wanted.model}${wanted.variant === AUTO_VARIANT ? '' : `:${wanted.variant}`}`;
  const servedNow = `Served now: ${describeServed(served)}.`;
  if (live.length === 0 && onDisk === undefined) {
    throw new DroverError('model_not_found', `There is no model \`${wanted.model}\` here. ${servedNow}`, {
      param: 'model',
    });
  }
  const liveMatches = live.filter((entry) => isWanted(wanted, entry.variant));
  if (liveMatches.length > 0) return liveMatches;
  const diskMatches = (onDisk ?? []).filter((entry) => isWanted(wanted, entry.variant));
  if (diskMatches.length === 0 && wanted.variant !== AUTO_VARIANT) {
    const builtNames = (onDisk ?? []).map((entry) => entry.variant).join(', ') || 'none';
    throw new DroverError(
      'variant_not_found',
      `There is no variant \`${name}\` here. Variants on disk: ${builtNames}. ${servedNow}`,
      { param: 'variant' },
    );
  }
  if (wanted.waitForWorker && diskMatches.length > 0) return diskMatches;
  throw noWorker(name, served, { param: 'model' });
}

/** Refusal of a job whose variant nobody serves; `at` is the field that named it, if one did. */
export function noWorker(
  name: string,
  served: readonly ServedVariant[],
  at: { readonly param?: string } = {},
): DroverError {
  return new DroverError(
    'no_worker',
    `No live worker serves \`${name}\`. Served now: ${describeServed(served)}. Start one, or send \`wait_for_worker: true\` to queue the job until one is there.`,
    { ...at, retryAfterS: NO_WORKER_RETRY_S },
  );
}

const NO_WORKER_RETRY_S = 5;

function isWanted(wanted: WantedVariant, variant: string): boolean {
  return wanted.variant === AUTO_VARIANT || wanted.variant === variant;
}

function toCandidates(model: KnownModel | undefined): readonly Candidate[] | undefined {
  return model?.variants.map((variant) => ({
    model: model.name,
    variant: variant.name,
    bitsPerWeight: variant.bitsPerWeight,
    contextTokens: model.contextTokens,
    slots: 0,
  }));
}

/**
 * The best variant for a job of `neededTokens`: among those whose context fits, the one with the
 * fewest jobs ahead per slot, and on a tie the one with the most bits. A free slot counts as no
 * queue, so quality goes down only when the better variant would make the job wait.
 * When none fits, the one with the largest context, so that the refusal names the real bound.
 */
export function chooseVariant(
  candidates: readonly Candidate[],
  depths: readonly QueueDepth[],
  neededTokens: number,
): Candidate {
  const fitting = candidates.filter((candidate) => candidate.contextTokens >= neededTokens);
  const better =
    fitting.length === 0
      ? (a: Candidate, b: Candidate) => b.contextTokens - a.contextTokens || byQuality(a, b)
      : (a: Candidate, b: Candidate) =>
          queuePressure(a, depths) - queuePressure(b, depths) || byQuality(a, b);
  const [best] = (fitting.length === 0 ? candidates : fitting).toSorted(better);
  if (best === undefined) throw new Error('No candidate to choose from. This is a bug.');
  return best;
}

/** Of as many bits, an exact key-value cache is the better one. */
function byQuality(a: Candidate, b: Candidate): number {
  return b.bitsPerWeight - a.bitsPerWeight || Number(hasExactCache(b)) - Number(hasExactCache(a));
}

function hasExactCache({ variant }: Candidate): boolean {
  return kvCacheOf(variant) === 'f32';
}

/** Jobs that one more job would wait behind, per slot; 0 while a slot is free. */
function queuePressure(candidate: Candidate, depths: readonly QueueDepth[]): number {
  const depth = depths.find(
    (entry) => entry.model === candidate.model && entry.variant === candidate.variant,
  );
  const ahead = (depth?.waiting ?? 0) + (depth?.active ?? 0) + 1 - candidate.slots;
  return Math.max(0, ahead) / Math.max(1, candidate.slots);
}

/** Tokens the job needs at the least: its prompt and what it asks to generate, or one token. */
export function neededTokensOf(input: JobInput, promptTokens: number): number {
  return promptTokens + (input.max_tokens ?? input.max_completion_tokens ?? input.max_new_tokens ?? 1);
}

/** Most log probabilities that a job may be told, about 60 bytes each. */
const MAX_LOGPROBS = 262_144;

/**
 * @param toldTokens of all the job's texts together, with `echo` the prompt in each of them
 * @throws DroverError `invalid_value` where the log probabilities could be more than a record holds
 */
export function requireRoomForLogprobs(input: JobInput, toldTokens: number): void {
  if (input.logprobs !== true) return;
  const each = 1 + (input.top_logprobs ?? 0);
  if (each * toldTokens <= MAX_LOGPROBS) return;
  throw new DroverError(
    'invalid_value',
    `\`input.logprobs\` asks for up to ${each} log probabilities of each of ${toldTokens} tokens; a job holds ` +
      `${MAX_LOGPROBS}. Ask for ${Math.floor(MAX_LOGPROBS / each)} tokens at most, or for fewer \`top_logprobs\`.`,
    { param: 'input.logprobs' },
  );
}
