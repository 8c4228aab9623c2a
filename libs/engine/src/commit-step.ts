import type { CacheManager, PlanLogits } from './ports/cache-manager.port.js';
import type { TokenLogits } from './ports/token-logits.js';
import type { SamplingScratch } from './sampling/draw-token.js';
import type { StepPlan } from './scheduling/plan-step.js';
import type { GenerationFinish } from './sequence/generation-request.js';
import type { Sequence } from './sequence/sequence.js';

/** What the step made of a sequence that was in it. */
export type SequenceOutcome =
  | { readonly kind: 'goes-on' }
  | { readonly kind: 'finished'; readonly finish: GenerationFinish }
  | { readonly kind: 'failed'; readonly cause: unknown };

export interface CommitContext {
  readonly cache: CacheManager;
  readonly scratch: SamplingScratch;
  readonly modelMs: number;
  readonly nowMs: number;
}

/** Books a step that has run: cache positions, sampled tokens, stop rules. Returns the outcome by sequence. */
export function commitStep(
  { decodes, chunks, drafts }: StepPlan<Sequence>,
  logits: PlanLogits,
  context: CommitContext,
): Map<Sequence, SequenceOutcome> {
  const outcomes = new Map<Sequence, SequenceOutcome>();
  decodes.forEach((sequence, row) => {
    sequence.commitDecode();
    outcomes.set(sequence, takeToken(sequence, logits[row]?.[0], context));
  });
  chunks.forEach(({ sequence, tokenCount }, index) => {
    sequence.commitChunk(tokenCount, context.modelMs);
    const outcome = takeChunk(sequence, logits[decodes.length + index] ?? [], context);
    // Others may build on it from now on, so it has to be sound.
    if (outcome.kind !== 'failed') context.cache.keepChunk(sequence, tokenCount);
    outcomes.set(sequence, outcome);
  });
  drafts.forEach(({ sequence, tokenIds }, index) => {
    const rows = logits[decodes.length + chunks.length + index] ?? [];
    outcomes.set(sequence, takeDrafted(sequence, tokenIds, rows, context));
  });
  return outcomes;
}

const GOES_ON: SequenceOutcome = { kind: 'goes-on' };

/** What a chunk tells: the scores of its prompt's tokens, where they are wanted, and the next token, where it is due. */
function takeChunk(
  sequence: Sequence,
  rows: readonly TokenLogits[],
  context: CommitContext,
): SequenceOutcome {
  try {
    sequence.scorePrompt(rows, context.scratch);
  } catch (cause) {
    return { kind: 'failed', cause };
  }
  return takeToken(sequence, rows.at(-1), context);
}

/** Tokens of the rows of a draft, one after another, as long as each is what the next row was run with. */
function takeDrafted(
  sequence: Sequence,
  draft: Int32Array,
  rows: readonly TokenLogits[],
  context: CommitContext,
): SequenceOutcome {
  for (let row = 0; ; row++) {
    sequence.commitDecode();
    const outcome = takeToken(sequence, rows[row], context);
    if (outcome.kind !== 'goes-on' || sequence.nextTokenId !== draft[row]) return outcome;
  }
}

/** The sequence's next token, where it is due. One bad row fails its own sequence only. */
function takeToken(
  sequence: Sequence,
  logits: TokenLogits | undefined,
  { scratch, nowMs }: CommitContext,
): SequenceOutcome {
  if (!sequence.isDue) return GOES_ON;
  const { generation } = sequence;
  try {
    if (sequence.generates) {
      if (logits === undefined) throw new Error('The model runner left out a row of logits. This is a bug.');
      sequence.sampleNext(logits, scratch, nowMs);
    }
    return generation.finish === null ? GOES_ON : { kind: 'finished', finish: generation.finish };
  } catch (cause) {
    return { kind: 'failed', cause };
  }
}
