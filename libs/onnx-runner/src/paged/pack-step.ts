import type { PagedRow, PagedStep } from '#engine';

/** Tokens that follow each other in one sequence: what PagedAttention calls a sequence of its batch. */
interface PackedSpan {
  readonly blocks: readonly number[];
  readonly tokenIds: Int32Array;
  readonly startPosition: number;
}

/** A step as one run over packed tokens. */
export interface PackedStep {
  readonly spans: readonly PackedSpan[];
  readonly tokens: number;
  /** Most tokens of a span. */
  readonly spanTokens: number;
  /** Most tokens of a sequence, once the step has run. */
  readonly contextTokens: number;
  /** The tokens whose logits are computed, by their places among all: row after row. At least one. */
  readonly logitTokens: readonly number[];
  /** Which of `logitTokens`, by their places there, are wanted over the whole vocabulary. */
  readonly fullLogits: readonly number[];
}

/**
 * Rows from which the products of a run take the kernel that they take for any more: ONNX Runtime's WebGPU provider
 * multiplies fewer by another one, whose last bits differ. An exact run has as many tokens, and as many logits.
 */
export const EXACT_ROWS = 4;

/**
 * Tokens of a span in an exact run. Attention over spans of 32 tokens and more is another kernel than over short ones,
 * chosen for a whole run by its longest span; of spans of one token a chunk of a prompt is as exact as a decode.
 */
const EXACT_SPAN_TOKENS = 1;

/** @param paddingBlock a block of no sequence, for what padding tokens write */
export function packStep({ rows, exact }: PagedStep, paddingBlock: number): PackedStep {
  const spans = exact ? padSpans(rows.flatMap(toExactSpans), paddingBlock) : rows;
  const logitTokens = placesOfLogits(rows);
  const least = exact ? EXACT_ROWS : 1;
  while (logitTokens.length < least) logitTokens.push(0);
  return {
    spans,
    tokens: spans.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
    spanTokens: Math.max(...spans.map(({ tokenIds }) => tokenIds.length)),
    contextTokens: Math.max(...spans.map(({ startPosition, tokenIds }) => startPosition + tokenIds.length)),
    logitTokens,
    fullLogits: rows
      .flatMap(({ logits, logitPositions }) =>
        Array.from({ length: logitPositions }, () => logits === 'full'),
      )
      .flatMap((isFull, index) => (isFull ? [index] : [])),
  };
}

/** Places of the last `logitPositions` tokens of each row. */
function placesOfLogits(rows: readonly PagedRow[]): number[] {
  const places: number[] = [];
  let end = 0;
  for (const { tokenIds, logitPositions } of rows) {
    end += tokenIds.length;
    for (let place = end - logitPositions; place < end; place++) places.push(place);
  }
  return places;
}

/** All spans of a layer write their keys and values before any of them attends, so that cutting changes nothing. */
function toExactSpans({ blocks, tokenIds, startPosition }: PagedRow): PackedSpan[] {
  const spans: PackedSpan[] = [];
  for (let start = 0; start < tokenIds.length; start += EXACT_SPAN_TOKENS) {
    spans.push({
      blocks,
      tokenIds: tokenIds.subarray(start, start + EXACT_SPAN_TOKENS),
      startPosition: startPosition + start,
    });
  }
  return spans;
}

function padSpans(spans: PackedSpan[], paddingBlock: number): PackedSpan[] {
  const padding = { blocks: [paddingBlock], tokenIds: new Int32Array(1), startPosition: 0 };
  while (spans.length < EXACT_ROWS) spans.push(padding);
  return spans;
}
