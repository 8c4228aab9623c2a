/* oxlint-disable typescript/no-unsafe-type-assertion, typescript/no-unnecessary-type-parameters -- The one place that
   takes replies and JSON at their writer's word. */

/** A value that the scripts and codecs of this lib wrote: its type is their promise and not checked again. */
export function storedValue<T>(value: unknown): T {
  return value as T;
}
