import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LlamaCheckpoint, ONNX_TYPE, buildLlamaGraph, encodeOnnxModel, planFloat32, writeWeights } from '#quantizer';
import type { OnnxGraph, OnnxNode } from '#quantizer';
import { writeRandomCheckpoint, type RandomLlamaShape } from './random-checkpoint.js';

/** How other exporters' decoders differ from ours: all of them lack `num_logits_to_keep`. */
export interface ForeignLayout {
  /** `position_ids` is an input, as transformers.js's repositories have it. */
  readonly positionIds: boolean;
  /** The head runs on the last position alone: onnxruntime-genai's `prune_lm_head`. */
  readonly lastLogitsOnly: boolean;
  readonly logits: 'float32' | 'float16';
}

/** Writes a random model in another exporter's layout; `buildRandomLlama` of the same shape and seed has its weights. */
export async function writeForeignLlama(
  directory: string,
  layout: ForeignLayout,
  { seed = 1, ...shape }: RandomLlamaShape & { readonly seed?: number } = {},
): Promise<void> {
  await writeRandomCheckpoint(directory, { shape, seed });
  const source = await LlamaCheckpoint.open(directory);
  try {
    const plan = planFloat32(source.config);
    const initializers = await writeWeights({ source, plan, directory });
    const graph = toLayout(buildLlamaGraph(source.config, plan, 'f32'), layout);
    await writeFile(join(directory, 'model.onnx'), encodeOnnxModel(graph, initializers));
  } finally {
    await source.close();
  }
}

function toLayout(graph: OnnxGraph, { positionIds, lastLogitsOnly, logits }: ForeignLayout): OnnxGraph {
  const positions = { name: 'position_ids', type: 'int64', shape: ['batch_size', 'sequence'] } as const;
  const inputs = graph.inputs.filter(({ name }) => name !== 'num_logits_to_keep');
  const nodes = graph.nodes
    .filter(({ op }) => lastLogitsOnly || (op !== 'Neg' && op !== 'Unsqueeze'))
    .map((node) => withHead(node, lastLogitsOnly))
    .map((node) => (positionIds && node.op === 'GroupQueryAttention' ? withPositions(node) : node))
    .map((node) => (logits === 'float16' ? renamed(node, 'logits', 'logits.float32') : node));
  const cast: OnnxNode = {
    op: 'Cast',
    name: 'Cast:logits',
    inputs: ['logits.float32'],
    outputs: ['logits'],
    attributes: { to: { int: ONNX_TYPE.float16 } },
  };
  return {
    name: 'foreign',
    inputs: positionIds ? [...inputs, positions] : inputs,
    outputs: graph.outputs.map((output) => {
      if (output.name !== 'logits') return output;
      const [batch, , vocabSize] = output.shape;
      return { ...output, type: logits, shape: [batch!, lastLogitsOnly ? 1 : 'sequence', vocabSize!] };
    }),
    nodes: logits === 'float16' ? [...nodes, cast] : nodes,
  };
}

/** The slice before the head: of all positions, or from the last one on. */
function withHead(node: OnnxNode, lastLogitsOnly: boolean): OnnxNode {
  if (node.op === 'Slice' && !lastLogitsOnly) {
    return { op: 'Identity', name: node.name, inputs: [node.inputs[0]!], outputs: node.outputs };
  }
  return renamed(node, 'num_logits_to_keep', 'const.one');
}

function withPositions(node: OnnxNode): OnnxNode {
  return { ...node, inputs: [...node.inputs, 'position_ids'] };
}

function renamed(node: OnnxNode, from: string, to: string): OnnxNode {
  const rename = (name: string) => (name === from ? to : name);
  return { ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
}
