import { PythonLiteralReader } from './python-literal.js';
import { NO_CALLS, type CallReading, type WrittenCall } from './written-call.js';

/** LLaMA 3.2's `[name(argument=literal, …), …]` that begins at `start`. */
export function readPythonCalls(text: string, start: number): CallReading {
  const reader = new PythonLiteralReader(text, start);
  try {
    const calls = reader.list('[', ']', () => readCall(reader));
    return { calls, end: reader.at };
  } catch (error) {
    if (error instanceof SyntaxError) return NO_CALLS(reader.at);
    throw error;
  }
}

function readCall(reader: PythonLiteralReader): WrittenCall {
  const name = reader.take(/[\w-]+/uy);
  const values = new Map<string, string>();
  reader.list('(', ')', () => {
    const argument = reader.take(/[\p{L}_][\p{L}\p{N}_]*/uy);
    reader.take(/=/uy);
    if (values.has(argument)) throw new SyntaxError(`\`${argument}\` is given twice`);
    values.set(argument, reader.literal());
  });
  const members = [...values].map(([argument, value]) => `${JSON.stringify(argument)}: ${value}`);
  return { name, arguments: `{${members.join(', ')}}` };
}
