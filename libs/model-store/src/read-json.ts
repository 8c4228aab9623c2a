import { readFile } from 'node:fs/promises';

/** A checkpoint or variant that cannot be used; the message names the file, the field and the next step. */
export class ModelFormatError extends Error {
  override readonly name = 'ModelFormatError';
}

/** Reads and parses a JSON file; a broken one is named. */
export async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    const json: unknown = JSON.parse(text);
    return json;
  } catch (cause) {
    throw new ModelFormatError(`${file} is not JSON: ${String(cause)}`, { cause });
  }
}

export function isFileMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT');
}

/** Whether a failed system call gave this code. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
