import { EMBEDDING_TENSOR, HEAD_TENSOR, checkpointShapes, type LlamaConfig } from '#model-store';
import { WEIGHTS_PER_PIECE, type WeightSource } from '../checkpoint/weight-source.js';

/** Prime, so that rows of any length start at ever new places of the pool before they repeat. */
const POOL_SIZE = 1_048_573;

/** Spread of the logits: wide enough that the likeliest token leads clearly. */
const LOGIT_SPREAD = 3;

/**
 * Weights of a model nobody trained: normally distributed with the spreads that keep activations near 1, the same
 * for the same seed. Drawn from one pool of random numbers, so that billions of them cost little.
 */
export function randomWeights(config: LlamaConfig, seed: number): WeightSource {
  const shapes = checkpointShapes(config);
  const pool = gaussianPool(seed);
  return {
    config,
    async *rows(tensor) {
      const stored = tensor === HEAD_TENSOR && config.tieWordEmbeddings ? EMBEDDING_TENSOR : tensor;
      const shape = shapes.get(stored);
      if (!shape) throw new Error(`${tensor} is no tensor of this model`);
      const columns = shape.at(-1)!;
      const values = shape.reduce((a, b) => a * b, 1);
      const piece = Math.max(1, Math.floor(WEIGHTS_PER_PIECE / columns)) * columns;
      const { mean, deviation } = distributionOf(stored, columns, config);
      let next = startOf(stored, seed);
      for (let first = 0; first < values; first += piece) {
        const weights = new Float32Array(Math.min(piece, values - first));
        next = fill(weights, pool, next, mean, deviation);
        yield weights;
      }
    },
  };
}

/** A function of its own: V8 does not optimize loops inside generators as well. Returns where the pool goes on. */
function fill(
  weights: Float32Array,
  pool: Float32Array,
  start: number,
  mean: number,
  deviation: number,
): number {
  let next = start;
  for (let i = 0; i < weights.length;) {
    const end = Math.min(weights.length, i + pool.length - next);
    while (i < end) weights[i++] = mean + deviation * pool[next++]!;
    if (next === pool.length) next = 0;
  }
  return next;
}

function distributionOf(
  tensor: string,
  columns: number,
  config: LlamaConfig,
): { mean: number; deviation: number } {
  if (tensor.includes('norm')) return { mean: 1, deviation: 0.1 };
  const kept = 1 / Math.sqrt(columns);
  // A tied table must serve as head, so it is as narrow as one; the first norm widens it again.
  if (tensor === HEAD_TENSOR || tensor.includes('embed')) return { mean: 0, deviation: LOGIT_SPREAD * kept };
  const writesResidual = tensor.includes('o_proj') || tensor.includes('down_proj');
  return { mean: 0, deviation: writesResidual ? kept / Math.sqrt(2 * config.layers) : kept };
}

/** FNV-1a of the name and the seed: where in the pool a tensor begins. */
function startOf(tensor: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const byte of Buffer.from(tensor)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % POOL_SIZE;
}

function gaussianPool(seed: number): Float32Array {
  const random = uniformGenerator(seed);
  const pool = new Float32Array(POOL_SIZE);
  for (let i = 0; i < POOL_SIZE; i++) {
    // Box–Muller; 1 − u keeps the logarithm finite.
    pool[i] = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
  return pool;
}

/** Numbers of [0, 1) by a counter through a 32-bit mixing function (murmur3's finalizer). */
function uniformGenerator(seed: number): () => number {
  let counter = seed >>> 0;
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0;
    let mixed = counter;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
