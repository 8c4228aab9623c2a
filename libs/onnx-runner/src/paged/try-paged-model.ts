import { ModelRunError, type PagedRunner } from '#engine';
import { ModelContractError } from '../model-contract.js';

/**
 * Runs a token at the end of the context and one at the start: whether the model runs on this device, reaches that far,
 * and answers with numbers. It also has the device compile the kernels of a decode.
 *
 * @throws ModelContractError, or what ended the run early: memory that was refused, an aborted signal.
 */
export async function tryPagedModel(runner: PagedRunner): Promise<void> {
  const { contextTokens, blockTokens } = runner.info;
  const blocks = Array.from({ length: Math.ceil(contextTokens / blockTokens) }, () => 0);
  const first = {
    blocks,
    tokenIds: Int32Array.of(0),
    startPosition: 0,
    logitPositions: 1,
    logits: 'top',
  } as const;
  // What it answers is of no consequence: nothing was written to the blocks before.
  const last = { ...first, startPosition: contextTokens - 1, logitPositions: 0 };
  await runner.run({ rows: [last], exact: false }).catch(explain);
  const [[answer] = []] = await runner.run({ rows: [first], exact: false }).catch(explain);
  if (answer !== undefined && 'logSumExp' in answer && Number.isFinite(answer.logSumExp)) return;
  throw new ModelContractError(
    'The model answers token 0 with `log_sum_exp` that is no number; its weights are broken or beyond float16.',
  );
}

function explain(error: unknown): never {
  if (!(error instanceof ModelRunError)) throw error;
  if (error.fault !== 'run_failed') throw error.cause;
  throw new ModelContractError(`The model does not run on this device. ${error.message}`, {
    cause: error.cause,
  });
}
