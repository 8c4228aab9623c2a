import { InferenceSession, Tensor } from 'onnxruntime-node';
import { promptTokenIds, type DecodeSide, type DecodeSideOptions } from './decode-side.js';

/**
 * `session.run` at its best: inputs are views of one cache, outputs preallocated over the same memory. The binding
 * still hands every output back as a copy.
 */
export async function openOnnxRuntimeNodeSide(options: DecodeSideOptions): Promise<DecodeSide> {
  const { rows, contextTokens, promptTokens } = options;
  const session = await InferenceSession.create(options.modelPath, {
    intraOpNumThreads: options.threads,
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  const caches = session.inputMetadata.flatMap((info) => {
    if (!info.isTensor || !info.name.startsWith('past_key_values')) return [];
    const rowSize = Number(info.shape[1]) * contextTokens * Number(info.shape[3]);
    const shape = info.shape.map(Number);
    return [{ name: info.name, rowSize, shape, data: new Float32Array(rowSize * rows) }];
  });
  const vocabSize = Number(
    session.outputMetadata.flatMap((info) => (info.isTensor ? [info.shape[2]] : []))[0],
  );
  const view = (first: number, count: number) =>
    caches.map(({ name, rowSize, shape, data }) => {
      const range = data.subarray(first * rowSize, (first + count) * rowSize);
      return [name, new Tensor('float32', range, [count, shape[1]!, contextTokens, shape[3]!])] as const;
    });

  async function run(
    first: number,
    count: number,
    tokenIds: readonly number[],
    total: number,
  ): Promise<void> {
    const tokens = tokenIds.length / count;
    const past = view(first, count);
    const present = past.map(
      ([name, tensor]) => [name.replace('past_key_values', 'present'), tensor] as const,
    );
    const logits = new Tensor('float32', new Float32Array(count * vocabSize), [count, 1, vocabSize]);
    const feeds = {
      input_ids: int64(tokenIds, [count, tokens]),
      attention_mask: int64(
        Array.from({ length: count * total }, () => 1),
        [count, total],
      ),
      num_logits_to_keep: int64([1], []),
      ...Object.fromEntries(past),
    };
    await session.run(feeds, { logits, ...Object.fromEntries(present) });
  }

  for (let row = 0; row < rows; row++) await run(row, 1, promptTokenIds(promptTokens), promptTokens);
  return {
    step: (batch) =>
      run(
        0,
        batch,
        Array.from({ length: batch }, () => 5),
        promptTokens + 1,
      ),
    close: () => session.release(),
  };
}

function int64(values: readonly number[], shape: readonly number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), shape);
}
