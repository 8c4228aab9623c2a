import type { Json } from '../json/json-literal.js';
import { schemaError } from './schema-error.js';
import { isJsonArray, isJsonObject } from './schema-keywords.js';

/** What a `$ref` inside the same schema points at, by JSON Pointer (RFC 6901). @throws DroverError for any other */
export function resolveReference(
  root: Json,
  reference: Json,
  path: string,
): { target: Json; pointer: string } {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference)) {
    throw schemaError(path, 'must be # or begin with #/. References to other documents are not supported');
  }
  let pointer: string;
  try {
    pointer = decodeURIComponent(reference);
  } catch {
    throw schemaError(path, 'is not a valid JSON Pointer');
  }
  let target: Json | undefined = root;
  for (const step of pointer.split('/').slice(1)) {
    target = follow(target, step.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (target === undefined) throw schemaError(path, `points at ${pointer}, which is not there`);
  }
  return { target, pointer };
}

function follow(value: Json, step: string): Json | undefined {
  if (isJsonArray(value)) return value[Number(step)];
  return isJsonObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}
