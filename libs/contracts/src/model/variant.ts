/** Variants this service makes, by name: target bits per weight over the decoder's linear layers. */
export const VARIANT_NAME = /^\d{1,2}_\d$/;
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** `6.5` → `6_5` */
export function variantNameOf(bitsPerWeight: number): string {
  return bitsPerWeight.toFixed(1).replace('.', '_');
}

/** `6_5` → `6.5` */
export function bitsPerWeightOf(variant: string): number {
  return Number(variant.replace('_', '.'));
}

export interface ModelRef {
  readonly model: string;
  readonly variant: string;
}

/** Splits `name` or `name:variant`; an absent variant is `undefined`. */
export function parseModelName(text: string): { model: string; variant: string | undefined } {
  const colon = text.indexOf(':');
  if (colon < 0) return { model: text, variant: undefined };
  return { model: text.slice(0, colon), variant: text.slice(colon + 1) };
}
