/** The best tokens of a vocabulary, best first; reused from token to token. */
export class RankedTokens {
  ids = new Int32Array(64);
  logits = new Float32Array(64);
  count = 0;
  /** One key a token, for sorting a whole vocabulary; made on first use. */
  #sortKeys = new Float64Array(0);

  /** Makes room for `count` tokens; what was ranked before is lost. */
  resize(count: number): void {
    this.count = count;
    if (this.ids.length >= count) return;
    this.ids = new Int32Array(count);
    this.logits = new Float32Array(count);
  }

  sortKeys(count: number): Float64Array {
    if (this.#sortKeys.length !== count) this.#sortKeys = new Float64Array(count);
    return this.#sortKeys;
  }
}

/** Largest heap that beats sorting everything where many tokens are alike. */
const MAX_HEAP = 1024;

/**
 * Ranks the `count` highest logits into `ranked`, best first, the lower id first among equals. Few are found by a
 * heap in one pass, where most of a large vocabulary costs one comparison; many by sorting all of it.
 */
export function rankTokens(logits: Float32Array, count: number, ranked: RankedTokens): void {
  ranked.resize(Math.min(count, logits.length));
  if (ranked.count <= MAX_HEAP) rankByHeap(logits, ranked);
  else rankBySort(logits, ranked);
}

/** A heap with its worst token on top, taken apart from there. */
function rankByHeap(logits: Float32Array, ranked: RankedTokens): void {
  const { ids, logits: heap, count } = ranked;
  for (let id = 0; id < count; id++) {
    ids[id] = id;
    heap[id] = logits[id]!;
  }
  for (let node = (count >> 1) - 1; node >= 0; node--) {
    siftDown(heap, ids, node, count, heap[node]!, ids[node]!);
  }
  let worst = heap[0]!;
  for (let id = count; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > worst) {
      siftDown(heap, ids, 0, count, logit, id);
      worst = heap[0]!;
    }
  }
  for (let end = count - 1; end > 0; end--) {
    const logit = heap[end]!;
    const id = ids[end]!;
    heap[end] = heap[0]!;
    ids[end] = ids[0]!;
    siftDown(heap, ids, 0, end, logit, id);
  }
}

/** Puts a token at `start` or below, so that no token lies above a worse one. */
function siftDown(
  heap: Float32Array,
  ids: Int32Array,
  start: number,
  count: number,
  logit: number,
  id: number,
): void {
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

/** Ids of 21 bits fit beside a 32-bit logit into the 53 bits of a double. */
const ID_RANGE = 2 ** 21;

/** Sorts numbers natively: the logit's bits in an order-keeping form, then the id from high to low. */
function rankBySort(logits: Float32Array, ranked: RankedTokens): void {
  const keys = ranked.sortKeys(logits.length);
  const bits = new Int32Array(logits.buffer, logits.byteOffset, logits.length);
  for (let id = 0; id < keys.length; id++) {
    // -0 is below 0 by its bits but equal as a number.
    const ordered = logits[id] === 0 ? 0 : bits[id]!;
    const signed = ordered < 0 ? -(ordered & 0x7fffffff) : ordered;
    keys[id] = signed * ID_RANGE + (ID_RANGE - 1 - id);
  }
  keys.sort();
  for (let rank = 0; rank < ranked.count; rank++) {
    const key = keys[keys.length - 1 - rank]!;
    const id = ID_RANGE - 1 - (key - Math.floor(key / ID_RANGE) * ID_RANGE);
    ranked.ids[rank] = id;
    ranked.logits[rank] = logits[id]!;
  }
}
