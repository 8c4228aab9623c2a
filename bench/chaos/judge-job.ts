import { isDeepStrictEqual } from 'node:util';
import { isFinalJobStatus, type JobView } from '#contracts';
import {
  referenceOf,
  textOf,
  type AuditedJob,
  type JobFacts,
  type Reference,
  type StreamFacts,
} from './job-facts.js';

/**
 * What must never be found of an acknowledged job, one whose submission was answered with 2xx; answers to the same
 * Idempotency-Key are of one submission.
 *
 * - `lost`: the service knows no such job, or ended it without its result though its client did not cancel it.
 * - `stuck`: not ended though everything has been well for longer than a lost worker's job takes.
 * - `doubled`: more than one job of a submission, more than one end in a stream, or ends that are not the same.
 * - `differing`: its text is not that of the same request undisturbed (of a cancelled job, the beginning of it; without
 *   a seed any text will do), or a reader's stream, put together over its connections, is not exactly its text.
 */
export type JobFindingKind = 'lost' | 'stuck' | 'doubled' | 'differing';

export interface Finding<Kind extends string = string> {
  readonly kind: Kind;
  readonly jobId: string;
  readonly why: string;
}

type JobFinding = Finding<JobFindingKind>;

/** @param reference null where the request gives another text each time */
export function judgeJob(facts: JobFacts, audit: AuditedJob, reference: Reference | null): JobFinding[] {
  const found: JobFinding[] = [];
  const report = (kind: JobFindingKind, why: string) => found.push({ kind, jobId: facts.id, why });
  const { job } = audit;

  const ids = new Set(facts.acknowledgedIds);
  if (ids.size > 1) report('doubled', `${facts.submission} was answered with ${[...ids].join(' and ')}`);
  if (job === null) {
    report('lost', `the service knows no such job; its client last saw ${lastSeen(facts)}`);
    return found;
  }
  if (!isFinalJobStatus(job.status)) {
    report('stuck', `still ${job.status}, attempt ${job.attempt}, its client last saw ${lastSeen(facts)}`);
    return found;
  }
  const undue = undueEnd(job, facts);
  if (undue !== null) report('lost', undue);
  for (const why of secondEnds(job, facts, audit)) report('doubled', why);
  const text = textOf(job);
  const differences = [
    ...(reference === null ? [] : referenceDifferences(job, reference)),
    ...streamDifferences('its client', facts.stream, text),
    ...streamDifferences('a new reader', audit.stream, text),
  ];
  for (const why of differences) report('differing', why);
  return found;
}

function undueEnd(job: JobView, { cancelAsked }: JobFacts): string | null {
  if (job.status === 'succeeded' || (job.status === 'cancelled' && cancelAsked)) return null;
  return `ended ${job.status} in attempt ${job.attempt}, which nobody asked for: ${JSON.stringify(job.error)}`;
}

function* secondEnds(job: JobView, facts: JobFacts, audit: AuditedJob): Generator<string> {
  const streams = [facts.stream, audit.stream].filter((stream) => stream !== null);
  for (const { ends } of streams) if (ends.length > 1) yield `${ends.length} done events in one stream`;
  const seen = [...facts.ends, ...streams.flatMap(({ ends }) => ends)];
  const other = seen.find((end) => !isDeepStrictEqual(end, job));
  if (other !== undefined) yield `ended as ${JSON.stringify(other)} and as ${JSON.stringify(job)}`;
}

function* referenceDifferences(job: JobView, reference: Reference): Generator<string> {
  const text = textOf(job);
  if (job.status !== 'succeeded') {
    const begins = reference.text.startsWith(text);
    if (!begins) yield `${job.status} with other text: ${firstDifference(text, reference.text)}`;
    return;
  }
  if (text !== reference.text) yield `attempt ${job.attempt}: ${firstDifference(text, reference.text)}`;
  const { finishReason, completionTokens } = referenceOf(job);
  if (finishReason !== reference.finishReason || completionTokens !== reference.completionTokens) {
    yield `attempt ${job.attempt}: ${finishReason} after ${completionTokens} tokens, undisturbed ${reference.finishReason} after ${reference.completionTokens}`;
  }
}

function* streamDifferences(reader: string, stream: StreamFacts | null, text: string): Generator<string> {
  if (stream === null) return;
  if (stream.ends.length === 0) yield `${reader} saw no end of the stream`;
  else if (stream.text !== text) yield `${reader} streamed: ${firstDifference(stream.text, text)}`;
  if (stream.outOfOrder.length > 0) yield `${reader} got events ${stream.outOfOrder.join(', ')}`;
}

function lastSeen({ ends, stream }: JobFacts): string {
  const end = ends.at(-1) ?? stream?.ends.at(-1);
  if (end !== undefined) return `it ${end.status}`;
  return stream === null ? 'its acknowledgement' : `${stream.text.length} characters of it`;
}

const SHOWN = 30;

function firstDifference(text: string, expected: string): string {
  let at = 0;
  while (at < text.length && text[at] === expected[at]) at += 1;
  const show = (whole: string) => JSON.stringify(whole.slice(Math.max(0, at - SHOWN / 2), at + SHOWN));
  return `${text.length} characters instead of ${expected.length}, at ${at} ${show(text)} instead of ${show(expected)}`;
}
