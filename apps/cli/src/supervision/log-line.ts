/** A line of a child process, as far as the launcher understands it. */
export interface LogLine {
  /** Null for a line that is no record of our logger: a crash, or a library that prints. */
  readonly level: string | null;
  readonly message: string;
}

const LOUD_LEVELS: ReadonlySet<string> = new Set(['warn', 'error', 'fatal']);

/** Reads a line of our logger (JSON with `level`, `msg` and perhaps `err`) or takes the line as it is. */
export function readLogLine(line: string): LogLine {
  const record = parseRecord(line);
  if (record === undefined) return { level: null, message: line };
  const { level, msg, err } = record;
  const cause = isRecord(err) && typeof err['message'] === 'string' ? `: ${err['message']}` : '';
  return {
    level: typeof level === 'string' ? level : null,
    message: `${typeof msg === 'string' ? msg : line}${cause}`,
  };
}

/** Whether a line is worth showing to whoever started the system. */
export function isLoud(line: LogLine): boolean {
  return line.level === null ? line.message.trim() !== '' : LOUD_LEVELS.has(line.level);
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    return isRecord(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
