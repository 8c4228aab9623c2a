import type { CacheManager } from '../ports/cache-manager.port.js';
import type { PlannedDraft, StepPlan } from '../scheduling/plan-step.js';
import type { Sequence } from '../sequence/sequence.js';
import { LONGEST_NGRAM, NgramIndex } from './ngram-index.js';
import {
  draftLength,
  learnAcceptance,
  learnStep,
  LONGEST_DRAFT,
  UNKNOWN_ACCEPTANCE,
  UNKNOWN_TIMES,
  type StepTimes,
} from './speculation-gate.js';

/** Most sequences of a step with drafts: with more, the machine is busy without them. */
const MOST_ROWS = 2;

/** What is known of one text. */
interface Reader {
  readonly index: NgramIndex;
  /** Share of right draft tokens, by tokens matched. */
  readonly acceptance: number[];
}

/** What a text was guessed to go on with. */
interface Guess {
  readonly sequence: Sequence;
  readonly reader: Reader;
  readonly matchedTokens: number;
  readonly tokenIds: Int32Array;
  /** How many of them ran. */
  readonly draftTokens: number;
  /** Tokens generated before. */
  readonly start: number;
}

export interface DraftCounts {
  readonly draftedTokens: number;
  /** Tokens that came of them, besides the one that each step brings. */
  readonly acceptedTokens: number;
}

/**
 * Speculative decoding (Leviathan et al. 2023) with drafts from a text's own past. Every row of a draft is sampled with
 * its usual draw and the draft goes on only while it equals what was drawn; so tokens are distributed as without drafts,
 * and differ at most where kernels round rows of a chunk otherwise. Each step's guess is compared with what came, run or
 * not, so what drafts are worth is known without running them.
 */
export class Speculator {
  readonly #readers = new WeakMap<Sequence, Reader>();
  /** By number of rows. */
  readonly #times: StepTimes[] = Array.from({ length: MOST_ROWS + 1 }, () => UNKNOWN_TIMES);
  #guesses: readonly Guess[] = [];

  /** Turns decodes into drafts where that is expected to pay and the cache has room for them. */
  addDrafts(plan: StepPlan<Sequence>, cache: CacheManager): StepPlan<Sequence> {
    const rows = plan.decodes.length;
    this.#guesses = [];
    if (rows === 0 || rows > MOST_ROWS || plan.chunks.length > 0) return plan;
    this.#guesses = plan.decodes.flatMap((sequence) => this.#guess(sequence, rows, cache));
    const drafts = this.#guesses.filter(({ draftTokens }) => draftTokens > 0).map(toDraft);
    if (drafts.length === 0) return plan;
    const drafted = new Set(drafts.map(({ sequence }) => sequence));
    return { ...plan, decodes: plan.decodes.filter((sequence) => !drafted.has(sequence)), drafts };
  }

  /** Learns from a committed step that `addDrafts` has seen. */
  learn({ decodes, drafts, chunks }: StepPlan<Sequence>, modelMs: number): DraftCounts {
    let [draftedTokens, acceptedTokens] = [0, 0];
    for (const guess of this.#guesses) {
      draftedTokens += guess.draftTokens;
      const newTokens = guess.sequence.generation.tokenIds.length - guess.start;
      acceptedTokens += Math.max(0, newTokens - 1);
      learnFrom(guess);
    }
    this.#guesses = [];
    const rows = decodes.length + drafts.length;
    const times = this.#times[rows];
    if (rows > 0 && times !== undefined && chunks.length === 0) {
      this.#times[rows] = learnStep(times, modelMs, draftedTokens);
    }
    return { draftedTokens, acceptedTokens };
  }

  #guess(sequence: Sequence, rows: number, cache: CacheManager): Guess[] {
    const { knownTokens, processedTokens, mostTokens, request } = sequence;
    const isReplay = processedTokens + 1 < knownTokens;
    const roomInStep = Math.floor(cache.limits.stepTokens / rows) - 1;
    const mostDraft = Math.min(LONGEST_DRAFT, mostTokens - knownTokens - 1, roomInStep);
    if (request.deterministic || isReplay || mostDraft < 1) return [];
    const reader = this.#readerOf(sequence);
    const guess = reader.index.draft(mostDraft);
    if (guess === null) return [];
    const wanted = draftLength(this.#times[rows]!, reader.acceptance[guess.matchedTokens]!, rows);
    const draftTokens = Math.min(wanted, mostDraft);
    const hasRoom = draftTokens === 0 || cache.reserve(sequence, knownTokens + draftTokens) === 'granted';
    const start = sequence.generation.tokenIds.length;
    return [{ sequence, reader, ...guess, draftTokens: hasRoom ? draftTokens : 0, start }];
  }

  #readerOf(sequence: Sequence): Reader {
    const reader = this.#readers.get(sequence) ?? newReader(sequence);
    this.#readers.set(sequence, reader);
    const { promptTokenIds } = sequence.request;
    for (let i = reader.index.size; i < sequence.knownTokens; i++) {
      reader.index.push(promptTokenIds[i] ?? sequence.generation.tokenIds[i - promptTokenIds.length]!);
    }
    return reader;
  }
}

function newReader({ mostTokens }: Sequence): Reader {
  return {
    index: new NgramIndex(mostTokens),
    acceptance: Array.from({ length: LONGEST_NGRAM + 1 }, () => UNKNOWN_ACCEPTANCE),
  };
}

function toDraft({ sequence, tokenIds, draftTokens }: Guess): PlannedDraft<Sequence> {
  return { sequence, tokenIds: tokenIds.subarray(0, draftTokens) };
}

/** Learns from what came how good such guesses are. */
function learnFrom({ sequence, reader, matchedTokens, tokenIds, start }: Guess): void {
  const { generation } = sequence;
  const compared = Math.min(tokenIds.length, generation.tokenIds.length - start);
  for (let i = 0; i < compared; i++) {
    const isRight = generation.tokenIds[start + i] === tokenIds[i];
    reader.acceptance[matchedTokens] = learnAcceptance(reader.acceptance[matchedTokens]!, isRight);
    if (!isRight) return;
  }
}
