import type { StepPlan } from './scheduling/plan-step.js';
import type { StepReport } from './sequence/generation-request.js';

type StepCounts = Pick<
  StepReport,
  'decodeRows' | 'prefillTokens' | 'generatedTokens' | 'replayedTokens' | 'replayedRows'
>;

/** A sequence as it was when the step was planned. */
interface PlannedSequence {
  readonly promptTokens: number;
  readonly replayEnd: number;
  readonly knownTokens: number;
  readonly processedTokens: number;
  /** A token is sampled once all that is known has run. */
  readonly generates: boolean;
}

/** What carrying out a plan amounts to, without its drafts' right tokens; to be asked before its step is committed. */
export function countStep({ decodes, chunks, drafts }: StepPlan<PlannedSequence>): StepCounts {
  let [prefillTokens, generatedTokens, replayedRows, replayedInChunks] = [0, 0, 0, 0];
  for (const sequence of decodes) {
    replayedRows += replayedTokensOf(sequence, 1);
    generatedTokens += sampledTokensOf(sequence, 1);
  }
  for (const { sequence, tokenCount } of chunks) {
    prefillTokens += tokenCount;
    replayedInChunks += replayedTokensOf(sequence, tokenCount);
    generatedTokens += sampledTokensOf(sequence, tokenCount);
  }
  generatedTokens += drafts.length;
  const decodeRows = decodes.length + drafts.length;
  const replayedTokens = replayedRows + replayedInChunks;
  return { decodeRows, prefillTokens, generatedTokens, replayedTokens, replayedRows };
}

function sampledTokensOf({ generates, processedTokens, knownTokens }: PlannedSequence, tokenCount: number) {
  return generates && processedTokens + tokenCount === knownTokens ? 1 : 0;
}

/** Generated tokens that were known before among the next `tokenCount` ones. */
function replayedTokensOf(sequence: PlannedSequence, tokenCount: number): number {
  const { promptTokens, replayEnd, processedTokens } = sequence;
  const end = Math.min(processedTokens + tokenCount, replayEnd);
  return Math.max(0, end - Math.max(processedTokens, promptTokens));
}
