import type { TemplateMessage } from './template-chat.js';

/** Whether a message makes several calls at once, which LLaMA 3's templates refuse. */
export function hasParallelCalls(messages: readonly TemplateMessage[]): boolean {
  return messages.some((message) => (message.tool_calls?.length ?? 0) > 1);
}

/** Calls made at once, told as calls made one after the other, each followed by its result. */
export function oneCallAtATime(messages: readonly TemplateMessage[]): TemplateMessage[] {
  const told: TemplateMessage[] = [];
  for (let at = 0; at < messages.length;) {
    const results = resultsAfter(messages, at);
    told.push(...messages.slice(at, at + 1).flatMap((message) => inTurns(message, results)));
    at += 1 + results.length;
  }
  return told;
}

/** The tool messages that follow at once. */
function resultsAfter(messages: readonly TemplateMessage[], at: number): readonly TemplateMessage[] {
  const end = messages.findIndex((message, index) => index > at && message.role !== 'tool');
  return messages.slice(at + 1, end === -1 ? undefined : end);
}

function inTurns(message: TemplateMessage, results: readonly TemplateMessage[]): TemplateMessage[] {
  const calls = message.tool_calls ?? [];
  if (calls.length < 2) return [message, ...results];
  const turns = calls.flatMap((call, index) => [
    { ...message, content: index === 0 ? message.content : '', tool_calls: [call] },
    ...results.filter((result) => result.tool_call_id === call.id),
  ]);
  const answered = new Set(calls.map((call) => call.id));
  return [...turns, ...results.filter(({ tool_call_id: id }) => id === undefined || !answered.has(id))];
}
