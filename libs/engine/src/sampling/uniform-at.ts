/**
 * A number in [0, 1) that is a pure function of seed and position: nothing to save, and the same draw after a
 * resume or beside other sequences. Two 32-bit words of counter hashing give the 53 bits of a double.
 * @param seed integer from 0 to 2^53 - 1
 * @param position integer from 0 to 2^32 - 1
 */
export function uniformAt(seed: number, position: number): number {
  const seedHigh = Math.floor(seed / 2 ** 32);
  const key = mix32(seed ^ mix32(seedHigh + GOLDEN_RATIO));
  const counter = mix32(position + GOLDEN_RATIO);
  const high = mix32(key ^ counter);
  const low = mix32(high ^ mix32(key + counter));
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53;
}

const GOLDEN_RATIO = 0x9e3779b9;

/** Finalizer of MurmurHash3 (Austin Appleby): every input bit flips each output bit about half of the time. */
function mix32(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
