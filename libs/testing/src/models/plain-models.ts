import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ONNX_TYPE, encodeOnnxModel, type OnnxGraph, type OnnxInitializer, type OnnxNode } from '#quantizer';

/**
 * Writes a model of plain operators, whose caches `present` are `past_key_values` with the new tokens appended: longer
 * tensors. Its logits [batch, tokens, 1] are the tokens themselves.
 */
export async function writeGrowingCacheModel(directory: string): Promise<void> {
  const nodes = [
    node('Cast', ['input_ids'], 'floats', { to: { int: ONNX_TYPE.float32 } }),
    node('Unsqueeze', ['floats', 'axis.2'], 'logits'),
    node('Unsqueeze', ['logits', 'axis.1'], 'entry'),
    node('Concat', ['past_key_values.0.key', 'entry'], 'present.0.key', { axis: { int: 2 } }),
    node('Concat', ['past_key_values.0.value', 'entry'], 'present.0.value', { axis: { int: 2 } }),
  ];
  const axis = (value: number): OnnxInitializer => {
    const data = new Uint8Array(BigInt64Array.of(BigInt(value)).buffer);
    return { name: `axis.${value}`, type: 'int64', dims: [1], data };
  };
  await writeModel(directory, nodes, 1, [axis(1), axis(2)]);
}

/**
 * Writes a model without attention, whose logits for token t are `rows[t]`, each of `vocabSize` numbers. A token that
 * has no row fails the run.
 */
export async function writeLookupModel(
  directory: string,
  rows: readonly (readonly number[])[],
  vocabSize: number,
): Promise<void> {
  const data = new Uint8Array(Float32Array.from(rows.flat()).buffer);
  const nodes = [
    node('Gather', ['table', 'input_ids'], 'logits'),
    node('Identity', ['past_key_values.0.key'], 'present.0.key'),
    node('Identity', ['past_key_values.0.value'], 'present.0.value'),
  ];
  await writeModel(directory, nodes, vocabSize, [
    { name: 'table', type: 'float32', dims: [rows.length, vocabSize], data },
  ]);
}

async function writeModel(
  directory: string,
  nodes: readonly OnnxNode[],
  vocabSize: number,
  initializers: readonly OnnxInitializer[],
): Promise<void> {
  const graph: OnnxGraph = {
    name: 'plain',
    inputs: [
      { name: 'input_ids', type: 'int64', shape: ['batch', 'tokens'] },
      { name: 'attention_mask', type: 'int64', shape: ['batch', 'total'] },
      cache('past_key_values.0.key'),
      cache('past_key_values.0.value'),
    ],
    outputs: [
      { name: 'logits', type: 'float32', shape: ['batch', 'tokens', vocabSize] },
      cache('present.0.key'),
      cache('present.0.value'),
    ],
    nodes,
  };
  await writeFile(join(directory, 'model.onnx'), encodeOnnxModel(graph, initializers));
}

function cache(name: string) {
  return { name, type: 'float32', shape: ['batch', 1, `${name}.tokens`, 1] } as const;
}

function node(op: string, inputs: string[], output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode {
  return { op, name: op + output, inputs, outputs: [output], attributes };
}
