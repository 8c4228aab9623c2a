import { ProtobufWriter } from './protobuf-writer.js';

/** ONNX element types used here, by their number in `TensorProto.DataType`. */
export const ONNX_TYPE = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, float16: 10 } as const;
export type OnnxElementType = keyof typeof ONNX_TYPE;

export const BYTES_PER_ELEMENT = {
  float32: 4,
  uint8: 1,
  int8: 1,
  int32: 4,
  int64: 8,
  float16: 2,
} satisfies Record<OnnxElementType, number>;

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] };

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  /** Empty for ONNX's own operators, `com.microsoft` for ONNX Runtime's. */
  readonly domain?: string;
  /** An empty name leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** A graph input or output; a string dimension is symbolic. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxElementType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxTensorShape {
  readonly name: string;
  readonly type: OnnxElementType;
  readonly dims: readonly number[];
}

export type OnnxInitializer = OnnxTensorShape &
  (
    | { readonly data: Uint8Array }
    | { readonly external: { readonly location: string; readonly offset: number; readonly length: number } }
  );

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
}

/** IR 10 with opset 21: what onnxruntime-genai's own exports declare. */
const IR_VERSION = 10;
const OPSETS = [
  { domain: '', version: 21 },
  { domain: 'com.microsoft', version: 1 },
] as const;

/** Bytes of a `ModelProto`; field numbers are those of onnx.proto (github.com/onnx/onnx). */
export function encodeOnnxModel(graph: OnnxGraph, initializers: readonly OnnxInitializer[]): Uint8Array {
  const model = new ProtobufWriter().int(1, IR_VERSION).string(2, 'drover');
  model.message(7, graphProto(graph, initializers));
  for (const { domain, version } of OPSETS) {
    model.message(8, new ProtobufWriter().string(1, domain).int(2, version));
  }
  return model.finish();
}

function graphProto(graph: OnnxGraph, initializers: readonly OnnxInitializer[]): ProtobufWriter {
  const proto = new ProtobufWriter();
  for (const node of graph.nodes) proto.message(1, nodeProto(node));
  proto.string(2, graph.name);
  for (const initializer of initializers) proto.message(5, tensorProto(initializer));
  for (const input of graph.inputs) proto.message(11, valueInfoProto(input));
  for (const output of graph.outputs) proto.message(12, valueInfoProto(output));
  return proto;
}

function nodeProto(node: OnnxNode): ProtobufWriter {
  const proto = new ProtobufWriter();
  for (const input of node.inputs) proto.string(1, input);
  for (const output of node.outputs) proto.string(2, output);
  proto.string(3, node.name).string(4, node.op);
  for (const [name, attribute] of Object.entries(node.attributes ?? {})) {
    proto.message(5, attributeProto(name, attribute));
  }
  return node.domain ? proto.string(7, node.domain) : proto;
}

function attributeProto(name: string, attribute: OnnxAttribute): ProtobufWriter {
  const proto = new ProtobufWriter().string(1, name);
  if ('float' in attribute) return proto.float(2, attribute.float).int(20, 1);
  if ('int' in attribute) return proto.int(3, attribute.int).int(20, 2);
  if ('text' in attribute) return proto.string(4, attribute.text).int(20, 3);
  return proto.packedInts(8, attribute.ints).int(20, 7);
}

function tensorProto(tensor: OnnxInitializer): ProtobufWriter {
  const proto = new ProtobufWriter();
  proto.packedInts(1, tensor.dims).int(2, ONNX_TYPE[tensor.type]).string(8, tensor.name);
  if ('data' in tensor) return proto.bytes(9, tensor.data);
  for (const [key, value] of Object.entries(tensor.external)) {
    proto.message(13, new ProtobufWriter().string(1, key).string(2, String(value)));
  }
  return proto.int(14, 1);
}

function valueInfoProto(value: OnnxValue): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const dim of value.shape) {
    const dimension = new ProtobufWriter();
    shape.message(1, typeof dim === 'number' ? dimension.int(1, dim) : dimension.string(2, dim));
  }
  const tensorType = new ProtobufWriter().int(1, ONNX_TYPE[value.type]).message(2, shape);
  return new ProtobufWriter().string(1, value.name).message(2, new ProtobufWriter().message(1, tensorType));
}
