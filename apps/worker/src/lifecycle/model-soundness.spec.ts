import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EngineFault } from '#contracts';
import { ModelSoundness, type JobFault } from './model-soundness.js';

/** Told faults of a watch that sees these events: `a1` is a fault of job a in step 1, `ok` a job that ended well. */
function toldOf(events: readonly string[], reason: EngineFault = 'broken_logits'): JobFault[] {
  const told: JobFault[] = [];
  const soundness = new ModelSoundness((fault) => told.push(fault));
  for (const event of events) {
    if (event === 'ok') soundness.jobSucceeded();
    else soundness.jobFailed({ jobId: event.slice(0, 1), cause: event.slice(1), reason });
  }
  return told;
}

describe('a model is at fault', () => {
  it.each<[string, string[]]>([
    ['two steps in a row failed two jobs', ['a1', 'b2']],
    ['two steps failed the same two jobs, in any order', ['a1', 'b1', 'b2']],
    ['a job failed beside another, then alone', ['a1', 'b1', 'a2']],
    ['a job failed twice, then another', ['a1', 'a2', 'b3']],
  ])('where %s', (_, events) => {
    expect(toldOf(events)).toHaveLength(1);
  });

  it.each<[string, string[]]>([
    ['one step failed all its jobs', ['a1', 'b1', 'c1']],
    ['one job fails over and over', ['a1', 'a2', 'a3', 'a4']],
    ['a job ended well in between', ['a1', 'ok', 'b2', 'ok', 'a3']],
  ])('but not where %s', (_, events) => {
    expect(toldOf(events)).toEqual([]);
  });

  it('but not where its runs were stopped from outside', () => {
    expect(toldOf(['a1', 'b2', 'c3'], 'run_terminated')).toEqual([]);
  });

  it('and tells it once at most, and of no run in which every second job ends well', () => {
    const event = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(9)).map(([job, step]) => `${job}${step}`);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 20 }), (events) => {
        expect(toldOf(events).length).toBeLessThanOrEqual(1);
        expect(toldOf(events.flatMap((one) => [one, 'ok']))).toEqual([]);
      }),
    );
  });
});
