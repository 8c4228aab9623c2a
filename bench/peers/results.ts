import { median, roundTo } from '../support/median.js';
import type { CaseFigures, CaseLoad, SystemName } from './measured-system.js';
import type { ModelKey } from './peer-models.js';

/** All turns of one system in one case, or why there are none. */
export interface CaseResult extends ModelKey {
  readonly system: SystemName;
  readonly load: CaseLoad;
  readonly turns: readonly CaseFigures[];
  readonly unable: string | null;
  /** Bytes of weights that one step of a lone sequence reads. */
  readonly stepBytes: number;
}

type Figures = { readonly [Name in keyof CaseFigures]: number | null };

/** Medians over the turns; null where the system could not run the case. */
export interface Row extends Figures, ModelKey {
  readonly system: SystemName;
  readonly sequences: number;
  readonly promptTokens: number;
  /** At one sequence: bytes of weights read a second, as a share of the machine's memory bandwidth. */
  readonly bandwidthShare?: number;
  readonly unable?: string;
}

/** How many times better ours is: by tokens a second, and by CPU time a token. */
export interface Ratio extends ModelKey {
  readonly against: SystemName;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly decode: number;
  readonly prefill: number;
  readonly decodeCpu: number;
  readonly prefillCpu: number;
}

export function toRow(result: CaseResult, bandwidthBytesPerS: number): Row {
  const { system, shape, bits, kvCache, load, turns, unable, stepBytes } = result;
  const of = (name: keyof CaseFigures) =>
    turns.length === 0 ? null : roundTo(3, median(turns.map((figures) => figures[name])));
  const { sequences, promptTokens } = load;
  const decodeTokensPerS = of('decodeTokensPerS');
  const share = sequences === 1 && decodeTokensPerS !== null;
  return {
    system,
    shape,
    bits,
    kvCache,
    sequences,
    promptTokens,
    decodeTokensPerS,
    prefillTokensPerS: of('prefillTokensPerS'),
    decodeCpuMsPerToken: of('decodeCpuMsPerToken'),
    prefillCpuMsPerToken: of('prefillCpuMsPerToken'),
    ...(share && { bandwidthShare: roundTo(3, (stepBytes * decodeTokensPerS) / bandwidthBytesPerS) }),
    ...(unable !== null && { unable }),
  };
}

/** Ours against every other system, where both ran the case. */
export function toRatios(rows: readonly Row[]): Ratio[] {
  const ours = rows.filter(({ system }) => system === 'ours');
  return ours.flatMap((mine) =>
    rows.flatMap((theirs) => {
      const { system: against, shape, bits, kvCache, sequences, promptTokens } = theirs;
      if (against === 'ours' || !isSameCase(mine, theirs)) return [];
      const ratios = {
        decode: quotient(mine.decodeTokensPerS, theirs.decodeTokensPerS),
        prefill: quotient(mine.prefillTokensPerS, theirs.prefillTokensPerS),
        decodeCpu: quotient(theirs.decodeCpuMsPerToken, mine.decodeCpuMsPerToken),
        prefillCpu: quotient(theirs.prefillCpuMsPerToken, mine.prefillCpuMsPerToken),
      };
      if (!isComplete(ratios)) return [];
      return [{ against, shape, bits, kvCache, sequences, promptTokens, ...ratios }];
    }),
  );
}

type Case = ModelKey & Pick<Row, 'sequences' | 'promptTokens'>;

export function isSameCase(a: Case, b: Case): boolean {
  return (
    a.shape === b.shape &&
    a.bits === b.bits &&
    a.kvCache === b.kvCache &&
    a.sequences === b.sequences &&
    a.promptTokens === b.promptTokens
  );
}

function quotient(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : roundTo(3, a / b);
}

function isComplete<Name extends string>(
  ratios: Record<Name, number | null>,
): ratios is Record<Name, number> {
  return Object.values(ratios).every((ratio) => ratio !== null);
}
