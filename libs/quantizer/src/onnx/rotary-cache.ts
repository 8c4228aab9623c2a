import type { LlamaConfig, Llama3RopeScaling } from '#model-store';

export interface RotaryCache {
  /** `[contextTokens, headDim / 2]` */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** Cosines and sines of every position and frequency, computed in double precision. */
export function rotaryCache(config: LlamaConfig): RotaryCache {
  const frequencies = rotaryFrequencies(config);
  const cos = new Float32Array(config.contextTokens * frequencies.length);
  const sin = new Float32Array(cos.length);
  for (let position = 0, i = 0; position < config.contextTokens; position++) {
    for (const frequency of frequencies) {
      cos[i] = Math.cos(position * frequency);
      sin[i] = Math.sin(position * frequency);
      i++;
    }
  }
  return { cos, sin };
}

/** Radians per position, `headDim / 2` of them, scaled as the configuration asks. */
export function rotaryFrequencies(config: LlamaConfig): number[] {
  const { headDim, ropeTheta, ropeScaling } = config;
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = ropeTheta ** ((-2 * i) / headDim);
    if (ropeScaling === null) return frequency;
    switch (ropeScaling.type) {
      case 'linear':
        return frequency / ropeScaling.factor;
      case 'llama3':
        return scaleLlama3(frequency, ropeScaling);
      default:
        return ropeScaling satisfies never;
    }
  });
}

/**
 * LLaMA 3.1: waves that turn often within the original context stay, those that never complete a turn are slowed
 * by the factor, the ones between are blended. Source: rope utilities of huggingface/transformers.
 */
function scaleLlama3(frequency: number, scaling: Llama3RopeScaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContextTokens } = scaling;
  const turns = (originalContextTokens * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const blend = (turns - low) / (high - low);
  return (1 - blend) * (frequency / factor) + blend * frequency;
}
