import type { TopLogits } from '../ports/token-logits.js';

/** The best tokens of a vocabulary, best first; reused from token to token. */
export class RankedTokens {
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  count = 0;

  constructor(capacity: number) {
    this.ids = new Int32Array(capacity);
    this.logits = new Float32Array(capacity);
  }

  get capacity(): number {
    return this.ids.length;
  }

  /** Takes the `count` best tokens, which the model has ranked itself. */
  take({ tokenIds, logits }: TopLogits, count: number): void {
    this.count = Math.min(count, this.capacity, tokenIds.length);
    this.ids.set(tokenIds.subarray(0, this.count));
    this.logits.set(logits.subarray(0, this.count));
  }
}

/**
 * Ranks the `count` highest logits into `ranked`, best first, the lower id first among equals. A heap with its worst
 * token on top: most of a large vocabulary is passed over by one comparison, and nothing is sorted whole.
 * @param count at most the capacity of `ranked`
 */
export function rankTokens(logits: Float32Array, count: number, ranked: RankedTokens): void {
  ranked.count = Math.min(count, ranked.capacity, logits.length);
  const { ids, logits: heap } = ranked;
  for (let id = 0; id < ranked.count; id++) {
    ids[id] = id;
    heap[id] = logits[id]!;
  }
  for (let node = (ranked.count >> 1) - 1; node >= 0; node--) {
    siftDown(ranked, node, ranked.count, heap[node]!, ids[node]!);
  }
  let worst = heap[0]!;
  for (let id = ranked.count; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > worst) {
      siftDown(ranked, 0, ranked.count, logit, id);
      worst = heap[0]!;
    }
  }
  sortBestFirst(ranked);
}

/** Takes the worst token from the top to the end of what is left, again and again. */
function sortBestFirst(ranked: RankedTokens): void {
  const { ids, logits: heap } = ranked;
  for (let end = ranked.count - 1; end > 0; end--) {
    const logit = heap[end]!;
    const id = ids[end]!;
    heap[end] = heap[0]!;
    ids[end] = ids[0]!;
    siftDown(ranked, 0, end, logit, id);
  }
}

/** Puts a token at `start` or below, so that no token of the first `count` lies above a worse one. */
function siftDown(ranked: RankedTokens, start: number, count: number, logit: number, id: number): void {
  const { ids, logits: heap } = ranked;
  let node = start;
  for (;;) {
    let child = 2 * node + 1;
    if (child >= count) break;
    const right = child + 1;
    if (right < count && isWorse(heap[right]!, ids[right]!, heap[child]!, ids[child]!)) child = right;
    if (!isWorse(heap[child]!, ids[child]!, logit, id)) break;
    heap[node] = heap[child]!;
    ids[node] = ids[child]!;
    node = child;
  }
  heap[node] = logit;
  ids[node] = id;
}

function isWorse(logitA: number, idA: number, logitB: number, idB: number): boolean {
  return logitA < logitB || (logitA === logitB && idA > idB);
}
