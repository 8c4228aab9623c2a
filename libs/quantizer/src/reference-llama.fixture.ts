import {
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  HEAD_TENSOR,
  inputNormTensor,
  linearTensorName,
  postAttentionNormTensor,
  type LinearRole,
  type LlamaConfig,
} from '#model-store';
import type { WeightSource } from './checkpoint/weight-source.js';

type Vector = Float64Array;

/** What becomes of a key or value [kvHeads × headDim] when it is put into the cache of a layer. */
export type StoreInCache = (vector: Vector, layer: number, part: 'keys' | 'values') => Vector;

/**
 * Logits of every position, by the definition of the architecture in plain loops and double precision: what exports
 * are compared with.
 */
export async function referenceLogits(
  source: WeightSource,
  tokenIds: readonly number[],
  store: StoreInCache = (vector) => vector,
): Promise<Vector[]> {
  const { config } = source;
  const read = (tensor: string) => readTensor(source, tensor);
  const embedding = await read(EMBEDDING_TENSOR);
  const rows = tokenIds.map((token) => {
    const begin = token * config.hiddenSize;
    return Float64Array.from(embedding.subarray(begin, begin + config.hiddenSize));
  });
  for (let layer = 0; layer < config.layers; layer++) {
    const project = async (role: LinearRole, inputs: readonly Vector[]) => {
      const weights = await read(linearTensorName(layer, role));
      return inputs.map((input) => multiply(weights, input));
    };
    const inputNorm = await read(inputNormTensor(layer));
    const normed = rows.map((row) => rmsNorm(row, inputNorm, config));
    const queries = (await project('q', normed)).map((row, position) => rotate(row, position, config));
    const keys = (await project('k', normed)).map((row, position) =>
      store(rotate(row, position, config), layer, 'keys'),
    );
    const values = (await project('v', normed)).map((row) => store(row, layer, 'values'));
    const attended = queries.map((query, position) => attend(query, keys, values, position, config));
    addRows(rows, await project('o', attended));

    const middleNorm = await read(postAttentionNormTensor(layer));
    const middle = rows.map((row) => rmsNorm(row, middleNorm, config));
    const gates = await project('gate', middle);
    const ups = await project('up', middle);
    const gated = gates.map((gate, i) => gate.map((g, j) => (g / (1 + Math.exp(-g))) * ups[i]![j]!));
    addRows(rows, await project('down', gated));
  }
  const finalNorm = await read(FINAL_NORM_TENSOR);
  const head = await read(HEAD_TENSOR);
  return rows.map((row) => multiply(head, rmsNorm(row, finalNorm, config)));
}

async function readTensor(source: WeightSource, tensor: string): Promise<Vector> {
  const values: number[] = [];
  for await (const piece of source.rows(tensor)) for (const value of piece) values.push(value);
  return Float64Array.from(values);
}

function multiply(weights: Vector, input: Vector): Vector {
  return Float64Array.from({ length: weights.length / input.length }, (_, row) =>
    input.reduce((sum, value, column) => sum + value * weights[row * input.length + column]!, 0),
  );
}

function rmsNorm(row: Vector, weight: Vector, { rmsNormEpsilon }: LlamaConfig): Vector {
  const meanSquare = row.reduce((sum, value) => sum + value * value, 0) / row.length;
  return row.map((value, i) => (value / Math.sqrt(meanSquare + rmsNormEpsilon)) * weight[i]!);
}

function addRows(rows: readonly Vector[], added: readonly Vector[]): void {
  for (const [i, row] of rows.entries()) for (const [j, value] of added[i]!.entries()) row[j]! += value;
}

/** Turns channel i of each head into channel i + headDim / 2 by an angle of position × frequency. */
function rotate(row: Vector, position: number, config: LlamaConfig): Vector {
  const half = config.headDim / 2;
  return row.map((value, i) => {
    const channel = i % config.headDim;
    const angle = position * frequencyOf(channel % half, config);
    const [partner, sign] = channel < half ? [row[i + half]!, -1] : [row[i - half]!, 1];
    return value * Math.cos(angle) + sign * partner * Math.sin(angle);
  });
}

/** By wavelengths, as Meta published Llama 3.1's scaling (github.com/meta-llama/llama-models, models/llama3/model.py). */
function frequencyOf(pair: number, { ropeTheta, headDim, ropeScaling }: LlamaConfig): number {
  const frequency = 1 / ropeTheta ** ((2 * pair) / headDim);
  if (ropeScaling?.type !== 'llama3') return frequency;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextTokens } = ropeScaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalContextTokens / highFrequencyFactor) return frequency;
  if (wavelength > originalContextTokens / lowFrequencyFactor) return frequency / factor;
  const smooth =
    (originalContextTokens / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

function attend(
  query: Vector,
  keys: readonly Vector[],
  values: readonly Vector[],
  position: number,
  { attentionHeads, keyValueHeads, headDim }: LlamaConfig,
): Vector {
  const output = new Float64Array(query.length);
  for (let head = 0; head < attentionHeads; head++) {
    const from = head * headDim;
    const kvFrom = Math.floor((head * keyValueHeads) / attentionHeads) * headDim;
    const scores = keys.slice(0, position + 1).map((key) => {
      let dot = 0;
      for (let i = 0; i < headDim; i++) dot += query[from + i]! * key[kvFrom + i]!;
      return dot / Math.sqrt(headDim);
    });
    const peak = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - peak));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [past, weight] of weights.entries()) {
      for (let i = 0; i < headDim; i++) output[from + i]! += (weight / total) * values[past]![kvFrom + i]!;
    }
  }
  return output;
}
