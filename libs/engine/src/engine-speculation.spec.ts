import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from './sequence/generation-request.js';
import { anyRequest } from './testing/any-request.js';
import { digitsThenBracket } from './testing/digits-then-bracket.js';
import { createEngine, END, greedy, request } from './testing/engine-fixture.js';

const FEW_TOKENS = 4;

/**
 * An engine over a small vocabulary, where texts repeat, and logits that follow from the tokens alone. By its clock draft
 * tokens take `draftTokenMs` each beside a step's 10 ms.
 */
function createDrafting(speculation: boolean, draftTokenMs = 0, beforeStep = (_index: number) => {}) {
  const clock = { nowMs: 0 };
  return createEngine({
    vocabSize: FEW_TOKENS,
    rounds: false,
    speculation,
    nowMs: () => clock.nowMs,
    beforeStep: (index, { prefills }) => {
      const drafted = prefills.reduce((sum, chunk) => sum + Math.max(0, chunk.logitPositions - 1), 0);
      clock.nowMs += 10 + drafted * draftTokenMs;
      beforeStep(index);
    },
  });
}

const few = (ids: Int32Array) => ids.map((id) => id % FEW_TOKENS);
const drafting = (id: string, one: Partial<GenerationRequest>): GenerationRequest => {
  const plain = request(id, { ...one, deterministic: false });
  return { ...plain, promptTokenIds: few(plain.promptTokenIds) };
};

describe('drafts', () => {
  it('change no token, log probability, stop or text, whatever the rules and whoever runs beside', async () => {
    let accepted = 0;
    const anyDrafting = fc.record({
      one: anyRequest,
      maxTokens: fc.integer({ min: 6, max: 40 }),
      topLogprobs: fc.constantFrom(null, 2),
      isConstrained: fc.boolean(),
      // How much a text repeats itself.
      bias: fc.constantFrom(0, 3, 8),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyDrafting, { minLength: 1, maxLength: 3 }), async (all) => {
        const run = async (speculation: boolean) => {
          const { engine, reports, shownText } = createDrafting(speculation);
          const results = await Promise.all(
            all.map(({ one, maxTokens, topLogprobs, isConstrained, bias }, index) =>
              engine.submit(
                drafting(`s${index}`, {
                  ...one,
                  sampling: {
                    ...one.sampling!,
                    logitBias: new Map([
                      [END, -4],
                      [1, bias],
                    ]),
                  },
                  maxTokens,
                  topLogprobs,
                  constraint: isConstrained ? digitsThenBracket([1, 2], 3) : null,
                }),
              ),
            ),
          );
          accepted += reports.reduce((sum, { acceptedTokens }) => sum + acceptedTokens, 0);
          results.forEach(({ text }, index) => expect(shownText(`s${index}`)).toBe(text));
          const generated = reports.reduce((sum, { generatedTokens }) => sum + generatedTokens, 0);
          expect(generated).toBe(results.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0));
          return results.map(({ text, tokenIds, finish, logprobs }) => ({
            text,
            tokenIds,
            finish,
            logprobs,
          }));
        };
        expect(await run(true)).toEqual(await run(false));
      }),
      { numRuns: 60 },
    );
    expect(accepted).toBeGreaterThan(100);
  });

  it('leave an aborted text a beginning of the whole one', async () => {
    const whole = await createDrafting(false).engine.submit(drafting('abort', { maxTokens: 50 }));
    await fc.assert(
      fc.asyncProperty(fc.nat(30), async (step) => {
        const controller = new AbortController();
        const { engine } = createDrafting(true, 0, (index) => {
          if (index === step) controller.abort();
        });
        const cut = await engine.submit(drafting('abort', { maxTokens: 50 }), controller.signal);
        expect(whole.tokenIds.slice(0, cut.tokenIds.length)).toEqual(cut.tokenIds);
        expect(whole.text.startsWith(cut.text)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('take fewer steps where texts repeat, and never run past the last token', async () => {
    const constant = { ...greedy, logitBias: new Map([[1, 100]]) };
    const { engine, runner, reports } = createDrafting(true);
    const { tokenIds } = await engine.submit(drafting('repeat', { maxTokens: 50, sampling: constant }));
    expect(tokenIds).toHaveLength(50);
    expect(reports.length).toBeLessThan(20);
    const most = runner.trace.flatMap(({ prefills }) =>
      prefills.map(({ startPosition, tokenIds: { length } }) => startPosition + length),
    );
    expect(Math.max(...most)).toBeLessThanOrEqual('repeat'.length + 50);
  });

  it.each([
    ['of a deterministic request', { deterministic: true }, 1],
    ['beside many others', {}, 3],
  ])('never run %s', async (_name, overrides, sequences) => {
    const constant = { ...greedy, logitBias: new Map([[1, 100]]) };
    const { engine, reports } = createDrafting(true);
    const requests = Array.from({ length: sequences }, (_, index) => ({
      ...drafting(`many ${index}`, { maxTokens: 40, sampling: constant }),
      ...overrides,
    }));
    await Promise.all(requests.map((one) => engine.submit(one)));
    expect(reports.reduce((sum, { draftedTokens }) => sum + draftedTokens, 0)).toBe(0);
  });

  it('stop where they take longer than they save', async () => {
    const { engine, reports } = createDrafting(true, 10);
    const constant = { ...greedy, logitBias: new Map([[1, 100]]) };
    await engine.submit(drafting('costly', { maxTokens: 50, sampling: constant }));
    expect(reports.reduce((sum, { draftedTokens }) => sum + draftedTokens, 0)).toBeLessThanOrEqual(4);
  });
});
