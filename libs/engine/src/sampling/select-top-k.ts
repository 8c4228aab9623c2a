/** The best tokens of a vocabulary, best first; reused from token to token. */
export class RankedTokens {
  ids = new Int32Array(64);
  logits = new Float32Array(64);
  count = 0;

  reserve(count: number): void {
    if (this.ids.length >= count) return;
    this.ids = new Int32Array(count);
    this.logits = new Float32Array(count);
  }
}

/**
 * Ranks the `k` highest logits into `ranked`, best first, the lower id first among equals. A heap of k with its
 * worst token on top: most of a large vocabulary is passed over by one comparison, and nothing is sorted whole.
 */
export function selectTopK(logits: Float32Array, k: number, ranked: RankedTokens): void {
  const count = Math.min(k, logits.length);
  ranked.reserve(count);
  ranked.count = count;
  const { ids, logits: heap } = ranked;
  for (let id = 0; id < count; id++) {
    ids[id] = id;
    heap[id] = logits[id]!;
  }
  for (let node = (count >> 1) - 1; node >= 0; node--) siftDown(heap, ids, node, count);
  let worst = heap[0]!;
  for (let id = count; id < logits.length; id++) {
    if (logits[id]! > worst) {
      heap[0] = logits[id]!;
      ids[0] = id;
      siftDown(heap, ids, 0, count);
      worst = heap[0];
    }
  }
  sortHeapBestFirst(heap, ids, count);
}

/** Takes the worst token from the top to the end of what is left, again and again. */
function sortHeapBestFirst(heap: Float32Array, ids: Int32Array, count: number): void {
  for (let end = count - 1; end > 0; end--) {
    const logit = heap[0]!;
    const id = ids[0]!;
    heap[0] = heap[end]!;
    ids[0] = ids[end]!;
    heap[end] = logit;
    ids[end] = id;
    siftDown(heap, ids, 0, end);
  }
}

function siftDown(heap: Float32Array, ids: Int32Array, start: number, count: number): void {
  const logit = heap[start]!;
  const id = ids[start]!;
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
