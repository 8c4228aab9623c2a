import { measurePrefix, measureRepetition } from '../support/measure-reuse.js';
import { median, roundTo } from '../support/median.js';
import type { BenchShape, ShapeName } from '../support/shapes.js';

/** That share a system prompt. */
export const PREFIX_REQUESTS = 8;
const REPETITION = {
  default: { promptTokens: 256, answerTokens: 256 },
  '1b': { promptTokens: 128, answerTokens: 64 },
} satisfies Record<ShapeName, object>;

/** Requests that come at once and share a system prompt, with the prefix cache and without. */
export interface PrefixRow {
  readonly shape: ShapeName;
  readonly requests: number;
  readonly systemPromptTokens: number;
  readonly prefillTokens: number;
  readonly prefillTokensWithout: number;
  readonly timeToFirstTokenMs: number;
  readonly timeToFirstTokenMsWithout: number;
}

/** One request whose prompt repeats itself, with drafts and without. */
export interface SpeculationRow {
  readonly shape: ShapeName;
  readonly tokensPerS: number;
  readonly tokensPerSWithout: number;
  readonly ratio: number;
  readonly draftedTokens: number;
  /** Share of the drafted tokens. */
  readonly acceptance: number;
}

/** Medians over turns in which both ways follow each other. */
export async function measureReuse(
  shape: BenchShape,
  turns: number,
): Promise<{ prefix: PrefixRow; speculation: SpeculationRow }> {
  const prefix = await inTurns(turns, (prefixCache) => {
    const load = { requests: PREFIX_REQUESTS, systemPromptTokens: shape.systemPromptTokens };
    return measurePrefix(shape.runner, load, prefixCache, shape.createDecoder);
  });
  const repetition = await inTurns(turns, (speculation) =>
    measureRepetition(shape.runner, REPETITION[shape.name], speculation, shape.createDecoder),
  );
  const [speed, speedWithout] = medians(repetition, ({ tokensPerS }) => tokensPerS);
  const [drafted] = medians(repetition, ({ draftedTokens }) => draftedTokens);
  const [accepted] = medians(repetition, ({ acceptedTokens }) => acceptedTokens);
  const [tokens, tokensWithout] = medians(prefix, ({ prefillTokens }) => prefillTokens);
  const [firstMs, firstMsWithout] = medians(prefix, ({ timeToFirstTokenMs }) => timeToFirstTokenMs);
  return {
    prefix: {
      shape: shape.name,
      requests: PREFIX_REQUESTS,
      systemPromptTokens: shape.systemPromptTokens,
      prefillTokens: tokens,
      prefillTokensWithout: tokensWithout,
      timeToFirstTokenMs: roundTo(3, firstMs),
      timeToFirstTokenMsWithout: roundTo(3, firstMsWithout),
    },
    speculation: {
      shape: shape.name,
      tokensPerS: roundTo(3, speed),
      tokensPerSWithout: roundTo(3, speedWithout),
      ratio: roundTo(3, speed / speedWithout),
      draftedTokens: drafted,
      acceptance: roundTo(2, drafted === 0 ? 0 : accepted / drafted),
    },
  };
}

interface OnAndOff<Figures> {
  readonly on: readonly Figures[];
  readonly off: readonly Figures[];
}

async function inTurns<Figures>(
  turns: number,
  measure: (isOn: boolean) => Promise<Figures>,
): Promise<OnAndOff<Figures>> {
  const on: Figures[] = [];
  const off: Figures[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    on.push(await measure(true));
    off.push(await measure(false));
  }
  return { on, off };
}

function medians<Figures>(
  { on, off }: OnAndOff<Figures>,
  pick: (figures: Figures) => number,
): [on: number, off: number] {
  return [median(on.map(pick)), median(off.map(pick))];
}
