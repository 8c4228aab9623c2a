import { createHash } from 'node:crypto';
import type { Tool, ToolCall } from '#contracts';
import { readJsonArray, readJsonRun } from './json-calls.js';
import { readPythonCalls } from './python-calls.js';
import { NO_CALLS, type CallReading, type WrittenCall } from './written-call.js';

/** What an assistant said: text, calls, or text and then calls. */
export interface AssistantTurn {
  /** Null where nothing but calls was said. */
  readonly content: string | null;
  readonly toolCalls: ToolCall[];
}

/**
 * Finds the calls at the end of a generated text, in the forms of LLaMA 3.1 and 3.2:
 *
 *     {"name": "f", "parameters": {"a": 1}}; {"name": "g", "arguments": {}}
 *     [{"name": "f", "parameters": {"a": 1}}]
 *     [f(a=1), g()]
 *
 * They begin on a line of their own or after `<|python_tag|>` and go on to the end: a call hands the turn over, so what
 * is followed by more text was an example. What is not whole, or names a tool that was not offered, stays content,
 * unchanged. Takes time linear in the text.
 * @param seed makes the ids of the calls: same seed, same ids. Give what names the answer.
 */
export function parseToolCalls(text: string, tools: readonly Tool[], seed: string): AssistantTurn {
  const known = new Set(tools.map((tool) => tool.function.name));
  const begin = /(?:^[ \t]*|<\|python_tag\|>\s*)(?=[[{])/gmu;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const { calls, end } = readCalls(text, begin.lastIndex);
    const finished = calls.length > 0 && /^[\s;]*$/u.test(text.slice(end));
    if (finished && calls.every((call) => known.has(call.name))) {
      const said = text.slice(0, match.index).trimEnd();
      return {
        content: said === '' ? null : said,
        toolCalls: calls.map((call, at) => named(call, seed, at)),
      };
    }
    // What has been read holds no other beginning.
    begin.lastIndex = end;
  }
  return { content: text, toolCalls: [] };
}

function readCalls(text: string, start: number): CallReading {
  if (text[start] === '{') return readJsonRun(text, start);
  const second = /\s*(.?)/suy;
  second.lastIndex = start + 1;
  const [, inside = ''] = second.exec(text) ?? [];
  if (inside === '{') return readJsonArray(text, start);
  return /[\w-]/u.test(inside) ? readPythonCalls(text, start) : NO_CALLS(start + 1);
}

function named({ name, arguments: json }: WrittenCall, seed: string, index: number): ToolCall {
  const digest = createHash('sha256')
    .update(JSON.stringify([seed, index]))
    .digest('hex');
  return { id: `call_${digest.slice(0, 24)}`, type: 'function', function: { name, arguments: json } };
}
