/** @throws RangeError that names the option and its bound */
export function requireAtLeast(least: number, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name} is ${value}; it must be a whole number, ${least} or more.`);
}
