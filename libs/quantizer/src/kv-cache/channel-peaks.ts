/** Largest stored magnitude of an int8 cache. */
const INT8_PEAK = 127;

/**
 * Raises `peaks` [kvHeads × headDim] to the magnitudes of `values` [kvHeads, tokens, headDim], where `magnitudeAt`
 * gives that of one element by its index.
 */
function raisePeaks(
  peaks: Float64Array,
  values: Float32Array,
  headDim: number,
  magnitudeAt: (index: number) => number,
): void {
  const headValues = (values.length * headDim) / peaks.length;
  for (let index = 0; index < values.length; index++) {
    const channel = Math.floor(index / headValues) * headDim + (index % headDim);
    peaks[channel] = Math.max(peaks[channel]!, magnitudeAt(index));
  }
}

export function raiseValuePeaks(peaks: Float64Array, values: Float32Array, headDim: number): void {
  raisePeaks(peaks, values, headDim, (index) => Math.abs(values[index]!));
}

/**
 * A key's channels come in pairs, half a head apart, which its position rotates into each other. The length of the
 * pair is what no rotation exceeds, so a range taken from short rows holds at every position.
 */
export function raiseKeyPeaks(peaks: Float64Array, keys: Float32Array, headDim: number): void {
  const half = headDim / 2;
  raisePeaks(peaks, keys, headDim, (index) => {
    const partner = index % headDim < half ? index + half : index - half;
    return Math.hypot(keys[index]!, keys[partner]!);
  });
}

/** Symmetric scales that fit the peaks into int8; a channel that was always 0 has any scale. */
export function toScales(peaks: Float64Array): number[] {
  return Array.from(peaks, (peak) => (peak === 0 ? 1 : Number((peak / INT8_PEAK).toPrecision(6))));
}
