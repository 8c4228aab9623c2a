import { FINAL_EVENT_TYPES } from '#contracts';
import type { FinishReason, JobRecord, WebhookEventType, WebhookTarget } from '#contracts';
import type { FinishedAttempt, NewJob } from './queue.types.js';
import { storedValue } from './stored-value.js';

/** Record fields kept as JSON in the hash. */
const JSON_FIELDS = [
  'input',
  'webhook',
  'metadata',
  'deaths',
  'choices',
  'usage',
  'timings',
  'failure',
] as const;
const NUMBER_FIELDS = [
  'priority',
  'startByMs',
  'timeoutMs',
  'ttlMs',
  'promptTokens',
  'maxTokens',
  'choiceCount',
  'createdAtMs',
  'startedAtMs',
  'finishedAtMs',
  'attempt',
  'tries',
  'retries',
  'cancelRequestedAtMs',
] as const;
const TEXT_FIELDS = ['id', 'tenant', 'status', 'model', 'variant'] as const;

export function newJobRecord(job: NewJob): JobRecord {
  return {
    ...job,
    status: 'queued',
    startedAtMs: null,
    finishedAtMs: null,
    attempt: 0,
    tries: 0,
    retries: 0,
    deaths: [],
    cancelRequestedAtMs: null,
    choices: null,
    usage: null,
    timings: null,
    failure: null,
  };
}

/** Hash fields and values of a record, alternating. A field that is null is left out. */
export function encodeJobRecord(record: JobRecord): string[] {
  const notify = wantedEvents(record.webhook).join(',');
  return [
    ...TEXT_FIELDS.flatMap((name) => pair(name, record[name])),
    ...NUMBER_FIELDS.flatMap((name) => pair(name, record[name])),
    ...JSON_FIELDS.flatMap((name) => pair(name, record[name] && JSON.stringify(record[name]))),
    ...pair('notify', notify === '' ? null : notify),
  ];
}

/** The end of an attempt whose text nobody can tell but the stream. */
export interface UntoldAttempt extends Pick<FinishedAttempt, 'status' | 'failure' | 'finishedAtMs'> {
  /** Why the texts ended that had not ended by themselves. */
  readonly finishReason: FinishReason;
}

/** Hash fields that an attempt's end adds. */
export function encodeFinishedAttempt(result: FinishedAttempt | UntoldAttempt): string[] {
  return [
    ...pair('failure', result.failure && JSON.stringify(result.failure)),
    ...('choices' in result ? encodeOutput(result) : []),
  ];
}

function encodeOutput(result: FinishedAttempt): string[] {
  const generated = result.status === 'succeeded' || result.usage.completionTokens > 0;
  return [
    // No output is different from an empty one.
    ...pair('choices', generated ? JSON.stringify(result.choices) : null),
    ...pair('usage', JSON.stringify(result.usage)),
    ...pair('timings', JSON.stringify(result.timings)),
  ];
}

/** A record from HGETALL; undefined where the hash does not exist. */
export function decodeJobRecord(hash: Readonly<Record<string, string>>): JobRecord | undefined {
  if (hash['id'] === undefined) return undefined;
  const record: Record<string, unknown> = {};
  for (const name of TEXT_FIELDS) record[name] = hash[name] ?? null;
  for (const name of NUMBER_FIELDS) record[name] = numberOrNull(hash[name]);
  for (const name of JSON_FIELDS) record[name] = jsonOrNull(hash[name]);
  return storedValue<JobRecord>(record);
}

/** A script returns a hash as one list of fields and values. */
export function decodeFlatRecord(flat: readonly string[]): JobRecord | undefined {
  const hash: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) hash[flat[i] ?? ''] = flat[i + 1] ?? '';
  return decodeJobRecord(hash);
}

/** Without a list of its own, a webhook hears of the job's end. */
function wantedEvents(webhook: WebhookTarget | null): readonly WebhookEventType[] {
  return webhook === null ? [] : (webhook.events ?? FINAL_EVENT_TYPES);
}

function pair(name: string, value: string | number | null): string[] {
  return value === null ? [] : [name, String(value)];
}

function numberOrNull(text: string | undefined): number | null {
  return text === undefined ? null : Number(text);
}

function jsonOrNull(text: string | undefined): unknown {
  return text === undefined ? null : JSON.parse(text);
}
