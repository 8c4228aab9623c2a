import {
  ModelContractError,
  readModelContract,
  type CacheTensor,
  type ModelContract,
} from './model-contract.js';
import { Session, type NamedTensors } from './ort/session.js';
import { Tensor, closeAll, tensorOver } from './ort/tensor.js';

export interface LogitsEvaluator {
  readonly vocabSize: number;
  /** Logits of every position of one sequence, float32 [tokens, vocabSize], in new memory. One run at a time. */
  run(tokenIds: Int32Array): Promise<Float32Array>;
  /** Keys and values of one sequence, float32 [kvHeads, tokens, headDim] each, by the name of their output. */
  runForCaches(tokenIds: Int32Array): Promise<ReadonlyMap<string, Float32Array>>;
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
    const contract = readModelContract(session.inputs, session.outputs);
    return {
      vocabSize: contract.vocabSize,
      run: (tokenIds) => evaluate(session, contract, tokenIds),
      runForCaches: (tokenIds) => evaluateCaches(session, contract, tokenIds),
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function evaluate(
  session: Session,
  contract: ModelContract,
  tokenIds: Int32Array,
): Promise<Float32Array> {
  const tokens = tokenIds.length;
  const logits = float32(tokens * contract.vocabSize);
  const outputs = { logits: tensorOver('float32', [1, tokens, contract.vocabSize], logits) };
  await runFromStart(session, contract, tokenIds, outputs, tokens);
  return logits;
}

async function evaluateCaches(
  session: Session,
  contract: ModelContract,
  tokenIds: Int32Array,
): Promise<ReadonlyMap<string, Float32Array>> {
  const tokens = tokenIds.length;
  const caches = contract.caches.map(({ presentName, elementType, kvHeads, headDim }) => {
    if (elementType !== 'float32') {
      throw new ModelContractError(`\`${presentName}\` is ${elementType}; need float32 to look at.`);
    }
    return { presentName, shape: [1, kvHeads, tokens, headDim], values: float32(kvHeads * tokens * headDim) };
  });
  const outputs = Object.fromEntries(
    caches.map(({ presentName, shape, values }) => [presentName, tensorOver('float32', shape, values)]),
  );
  await runFromStart(session, contract, tokenIds, outputs, 1);
  return new Map(caches.map(({ presentName, values }) => [presentName, values]));
}

/** Runs a whole sequence with nothing in the cache, and closes the outputs. */
async function runFromStart(
  session: Session,
  contract: ModelContract,
  tokenIds: Int32Array,
  outputs: NamedTensors,
  keptLogits: number,
): Promise<void> {
  const tokens = tokenIds.length;
  if (tokens === 0) throw new RangeError('There are no tokens to evaluate.');
  const keptShape = contract.numLogitsToKeepShape;
  const inputs = {
    input_ids: tensorOver('int64', [1, tokens], int64(tokenIds)),
    attention_mask: tensorOver('int64', [1, tokens], int64(tokenIds.map(() => 1))),
    ...(contract.takesPositionIds && {
      position_ids: tensorOver('int64', [1, tokens], int64(tokenIds.map((_, index) => index))),
    }),
    ...(keptShape && { num_logits_to_keep: tensorOver('int64', keptShape, int64([keptLogits])) }),
    ...Object.fromEntries(contract.caches.map((cache) => [cache.pastName, emptyCache(cache)])),
  };
  try {
    await session.run(session.bind(inputs, outputs), 'background');
  } finally {
    closeAll(inputs);
    closeAll(outputs);
  }
}

function float32(length: number): Float32Array {
  return new Float32Array(new ArrayBuffer(length * 4));
}

function int64(numbers: ArrayLike<number>): BigInt64Array {
  const array = new BigInt64Array(new ArrayBuffer(numbers.length * 8));
  for (let index = 0; index < numbers.length; index++) array[index] = BigInt(numbers[index] ?? 0);
  return array;
}

function emptyCache({ elementType, kvHeads, headDim }: CacheTensor): Tensor {
  return new Tensor(elementType, [1, kvHeads, 0, headDim], new ArrayBuffer(8));
}
