import { readModelContract, type CacheTensor } from './model-contract.js';
import { Session } from './ort/session.js';
import { Tensor, closeAll, tensorOver } from './ort/tensor.js';

export interface LogitsEvaluator {
  readonly vocabSize: number;
  /** Logits of every position of one sequence, float32 [tokens, vocabSize], in new memory. One run at a time. */
  run(tokenIds: Int32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Loads a model on the CPU to look at all its logits, as quality measurements do; generation uses
 * `createOnnxModelRunner`.
 *
 * @throws OrtError, ModelContractError
 */
export async function evaluateLogits(options: {
  readonly modelPath: string;
  /** 0, the default, takes half of the cores. */
  readonly threads?: number;
}): Promise<LogitsEvaluator> {
  const session = await Session.open(options.modelPath, {
    device: { kind: 'cpu' },
    threads: options.threads ?? 0,
  });
  try {
    const { vocabSize } = readModelContract(session.inputs, session.outputs);
    return {
      vocabSize,
      run: (tokenIds) => evaluate(session, tokenIds),
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function evaluate(session: Session, tokenIds: Int32Array): Promise<Float32Array> {
  const contract = readModelContract(session.inputs, session.outputs);
  const tokens = tokenIds.length;
  if (tokens === 0) throw new RangeError('There are no tokens to evaluate.');
  const logits = new Float32Array(new ArrayBuffer(tokens * contract.vocabSize * 4));
  const keepAll = contract.numLogitsToKeepShape;
  const inputs = {
    input_ids: tensorOver('int64', [1, tokens], int64(tokenIds)),
    attention_mask: tensorOver('int64', [1, tokens], int64(tokenIds.map(() => 1))),
    ...(contract.takesPositionIds && {
      position_ids: tensorOver('int64', [1, tokens], int64(tokenIds.map((_, index) => index))),
    }),
    ...(keepAll && { num_logits_to_keep: tensorOver('int64', keepAll, int64([tokens])) }),
    ...Object.fromEntries(contract.caches.map((cache) => [cache.pastName, emptyCache(cache)])),
  };
  const outputs = { logits: tensorOver('float32', [1, tokens, contract.vocabSize], logits) };
  try {
    await session.run(session.bind(inputs, outputs), 'background');
  } finally {
    closeAll(inputs);
    closeAll(outputs);
  }
  return logits;
}

function int64(numbers: ArrayLike<number>): BigInt64Array {
  const array = new BigInt64Array(new ArrayBuffer(numbers.length * 8));
  for (let index = 0; index < numbers.length; index++) array[index] = BigInt(numbers[index] ?? 0);
  return array;
}

function emptyCache({ elementType, kvHeads, headDim }: CacheTensor): Tensor {
  return new Tensor(elementType, [1, kvHeads, 0, headDim], new ArrayBuffer(8));
}
