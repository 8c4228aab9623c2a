import type { JobView } from '#contracts';

/** The generated texts of a job, complete or partial. Calls of tools are their JSON. */
export function textsOf({ output }: JobView): string[] {
  return (output?.choices ?? []).map((choice) => {
    if ('text' in choice) return choice.text;
    const { content, tool_calls: calls = [] } = choice.message;
    return [content ?? '', ...calls.map((call) => JSON.stringify(call.function))].filter(Boolean).join('\n');
  });
}

/** The first text; empty where there is none. */
export function textOf(job: JobView): string {
  return textsOf(job)[0] ?? '';
}
