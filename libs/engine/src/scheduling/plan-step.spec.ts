import { describe, expect, it } from 'vitest';
import { planStep, type PlanCandidate, type PlannedChunk } from './plan-step.js';

interface Named extends PlanCandidate {
  readonly id: string;
}

const decoding = (id: string): Named => ({
  id,
  prefillTokens: 5,
  knownTokens: 6,
  processedTokens: 5,
  isScoring: false,
});
const prompt = (id: string, tokens: number, processedTokens = 0): Named => ({
  id,
  prefillTokens: tokens,
  knownTokens: tokens,
  processedTokens,
  isScoring: false,
});
const scoring = (id: string, tokens: number) => ({ ...prompt(id, tokens), isScoring: true });
const limits = { promptTokens: 10, scoredTokens: 4, blockTokens: 4 };

/** The plan by the candidates' names. */
function plan(candidates: readonly Named[], isComing: Parameters<typeof planStep<Named>>[2] = () => false) {
  const { decodes, chunks } = planStep(candidates, limits, isComing);
  return {
    decodes: decodes.map(({ id }) => id),
    chunks: chunks.map(({ sequence, tokenCount, logitPositions }) => [
      sequence.id,
      tokenCount,
      logitPositions,
    ]),
  };
}

describe('the plan of a step', () => {
  it('runs every decode, and no more prompt tokens than the budget beside them', () => {
    const many = Array.from({ length: 20 }, (_, index) => decoding(`d${index}`));
    expect(plan([...many, prompt('p', 20), prompt('q', 20)])).toEqual({
      decodes: many.map(({ id }) => id),
      chunks: [
        ['p', 8, 0],
        ['q', 2, 0],
      ],
    });
  });

  it('lets prompts share the budget in order of admission, none past one that has to wait', () => {
    expect(plan([prompt('a', 4), prompt('b', 5), prompt('c', 1)]).chunks).toEqual([
      ['a', 4, 1],
      ['b', 5, 1],
    ]);
    expect(plan([prompt('a', 30, 16), prompt('b', 2)]).chunks).toEqual([
      ['a', 8, 0],
      ['b', 2, 1],
    ]);
  });

  it('wants logits where the next token follows the chunk, and none where it is known', () => {
    const replaying = { ...prompt('r', 4), knownTokens: 6 };
    expect(plan([prompt('a', 4), replaying]).chunks).toEqual([
      ['a', 4, 1],
      ['r', 4, 0],
    ]);
  });

  it('wants the logits of all positions of prompts that are scored, and of no more than their budget', () => {
    expect(plan([prompt('a', 3), scoring('s', 20), scoring('t', 3), prompt('b', 3)]).chunks).toEqual([
      ['a', 3, 1],
      ['s', 4, 4],
      ['b', 3, 1],
    ]);
    expect(plan([scoring('s', 3), scoring('t', 1), prompt('b', 9)]).chunks).toEqual([
      ['s', 3, 3],
      ['b', 4, 0],
    ]);
  });

  it('lets a prompt wait for what another chunk of the step computes, and takes the next one', () => {
    const isComing = ({ id }: Named, chunks: readonly PlannedChunk<Named>[]) =>
      id === 'twin' && chunks.some(({ sequence }) => sequence.id === 'first');
    expect(plan([prompt('first', 6), prompt('twin', 6), prompt('other', 3)], isComing).chunks).toEqual([
      ['first', 6, 1],
      ['other', 3, 1],
    ]);
    expect(plan([prompt('twin', 6)], isComing).chunks).toEqual([['twin', 6, 1]]);
  });

  it('is empty without candidates', () => {
    expect(plan([])).toEqual({ decodes: [], chunks: [] });
  });
});
