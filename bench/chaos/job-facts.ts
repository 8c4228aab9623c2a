import type { JobView } from '#contracts';
import type { JobPlan } from './plan-jobs.js';

/** One event as it came over the wire. */
export interface StreamEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

/** What a reader made of a job's event stream, over all its connections. */
export interface StreamFacts {
  readonly text: string;
  /** Every job that a `done` event told. */
  readonly ends: readonly JobView[];
  /** Events that repeated an id or came before their turn, as `<id> after <id>`. */
  readonly outOfOrder: readonly string[];
  /** Connections beyond the first that had to go on from an id. */
  readonly resumed: number;
}

/** Everything that the client of one job knows at the end. */
export interface JobFacts {
  readonly id: string;
  /** Idempotency-Key of its submission. */
  readonly submission: string;
  readonly plan: JobPlan;
  /** Every job id that a 2xx to this submission named. */
  readonly acknowledgedIds: readonly string[];
  /** The ended job, each time that a poll showed it. */
  readonly ends: readonly JobView[];
  readonly stream: StreamFacts | null;
  /** Whether a DELETE was sent; its answer may have been lost. */
  readonly cancelAsked: boolean;
}

/** The same job, looked at when everything had settled. */
export interface AuditedJob {
  /** Null where the service knows no such job. */
  readonly job: JobView | null;
  /** Its stream read anew from the first event; null where it has not ended. */
  readonly stream: StreamFacts | null;
}

/** What the service made of a request before anything was broken. */
export interface Reference {
  readonly text: string;
  readonly finishReason: string | null;
  readonly completionTokens: number;
}

/** Text of the only choice, whether chat or prompt; empty where there is none. */
export function textOf({ output }: JobView): string {
  const choice = output?.choices[0];
  if (choice === undefined) return '';
  return 'message' in choice ? (choice.message.content ?? '') : choice.text;
}

export function referenceOf(job: JobView): Reference {
  return {
    text: textOf(job),
    finishReason: job.output?.choices[0]?.finish_reason ?? null,
    completionTokens: job.usage?.completion_tokens ?? 0,
  };
}
