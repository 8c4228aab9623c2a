/** Token ids by a fixed linear congruential sequence: another one for each index, the same in each run. */
export function randomPrompt(index: number, tokens: number, vocabSize: number): Int32Array {
  let state = index + 1;
  return Int32Array.from({ length: tokens }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % vocabSize;
  });
}
