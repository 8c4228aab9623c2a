import type { StepLogits } from './ports/model-runner.port.js';
import type { SamplingScratch } from './sampling/draw-token.js';
import { sampleToken } from './sampling/sample-token.js';
import type { StepPlan } from './scheduling/plan-step.js';
import type { GenerationFinish } from './sequence/generation-request.js';
import { finishOf, type Sequence } from './sequence/sequence.js';

/** What the step made of a sequence that was in it. */
export type SequenceOutcome =
  | { readonly kind: 'goes-on' }
  | { readonly kind: 'finished'; readonly finish: GenerationFinish }
  | { readonly kind: 'failed'; readonly cause: unknown };

export interface CommitContext {
  readonly sequenceIn: (slot: number) => Sequence;
  readonly scratch: SamplingScratch;
  readonly modelMs: number;
  readonly nowMs: number;
}

/** Books a step that has run: cache positions, sampled tokens, stop rules. Returns the outcome by sequence. */
export function commitStep(
  plan: StepPlan,
  logits: StepLogits,
  context: CommitContext,
): Map<Sequence, SequenceOutcome> {
  const outcomes = new Map<Sequence, SequenceOutcome>();
  plan.decodeSlots.forEach((slot, row) => {
    const sequence = context.sequenceIn(slot);
    sequence.commitDecode();
    outcomes.set(sequence, takeToken(sequence, logits.decodes[row], context));
  });
  plan.prefills.forEach(({ slot, tokenCount, endsPrompt }, row) => {
    const sequence = context.sequenceIn(slot);
    sequence.commitPrefill(tokenCount, context.modelMs);
    const outcome = endsPrompt ? takeToken(sequence, logits.prefills[row], context) : GOES_ON;
    outcomes.set(sequence, outcome);
  });
  return outcomes;
}

const GOES_ON: SequenceOutcome = { kind: 'goes-on' };

/** One bad row fails its own sequence only. */
function takeToken(
  sequence: Sequence,
  logits: Float32Array | null | undefined,
  { scratch, nowMs }: CommitContext,
): SequenceOutcome {
  try {
    if (logits == null) throw new Error('The model runner left out a row of logits. This is a bug.');
    const tokenId = sampleToken(logits, sequence.samplingContext, scratch);
    const reason = sequence.append(tokenId, nowMs);
    return reason === null ? GOES_ON : { kind: 'finished', finish: finishOf(reason) };
  } catch (cause) {
    return { kind: 'failed', cause };
  }
}
