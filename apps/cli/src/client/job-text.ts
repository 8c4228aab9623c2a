import type { JobView } from '#contracts';

/** The generated text of a job, complete or partial; empty where there is none. */
export function textOf(job: JobView): string {
  const choice = job.output?.choices[0];
  if (choice === undefined) return '';
  return 'message' in choice ? (choice.message.content ?? '') : choice.text;
}
