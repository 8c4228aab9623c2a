import { readFile, writeFile } from 'node:fs/promises';

/** One job of a trace: when it came, and the body of its `POST /v1/jobs` without model and variant. */
export interface Arrival {
  /** Milliseconds after the first one. */
  readonly atMs: number;
  readonly priority: number;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface Trace {
  /** How and when it was recorded. */
  readonly recorded: string;
  readonly arrivals: readonly Arrival[];
}

/** A trace file: the first line says how it was recorded, each other one is an arrival, in order. */
export async function readTrace(path: string): Promise<Trace> {
  const [head = '{}', ...lines] = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const { recorded }: { recorded: string } = JSON.parse(head);
  return { recorded, arrivals: lines.map((line): Arrival => JSON.parse(line)) };
}

export async function writeTrace(path: string, { recorded, arrivals }: Trace): Promise<void> {
  const lines = [{ recorded }, ...arrivals].map((line) => JSON.stringify(line));
  await writeFile(path, `${lines.join('\n')}\n`);
}
