import { ModelRunError, type ModelRunner } from '#engine';
import { DeviceError } from './device.js';
import { ModelContractError } from './model-contract.js';

/**
 * Runs one token, which tells what names and shapes do not: whether the model appends to its cache in place, and
 * whether its answer is made of numbers. It also warms the model up.
 *
 * @throws ModelContractError, DeviceError for a device that cannot run the model, or what ended the run early: memory that was refused, an aborted signal.
 */
export async function tryModel(runner: ModelRunner): Promise<void> {
  const chunk = { slot: 0, tokenIds: Int32Array.of(0), startPosition: 0, logitPositions: 1 };
  const logits = await runner.run({ decodes: [], prefills: [chunk], exact: false }).catch(explain);
  runner.trimSlot(0);
  if (!logits.prefills[0]?.[0]?.some(Number.isNaN)) return;
  throw new ModelContractError(
    'The model answers token 0 with `logits` that are no numbers; its weights are broken.',
  );
}

function explain(error: unknown): never {
  if (!(error instanceof ModelRunError)) throw error;
  if (error.fault !== 'run_failed' || error.cause instanceof DeviceError) throw error.cause;
  throw new ModelContractError(
    'The model does not run with one memory bound as `past_key_values` and `present`: it must update its caches in ' +
      'place, as exports with GroupQueryAttention do (onnxruntime-genai’s builder, or `drover quantize`); those whose ' +
      `caches grow by concatenation do not. ${error.message}`,
    { cause: error },
  );
}
