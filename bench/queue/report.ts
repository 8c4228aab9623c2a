import { roundTo } from '../support/median.js';
import type { Spread } from '../support/spread.js';
import type { LevelFigures } from './measure-level.js';

interface Figure {
  readonly name: string;
  readonly of: (level: LevelFigures) => number;
  /** Of a rate, more is cheaper. */
  readonly isRate?: boolean;
}

const bothOf = (name: string, pick: (level: LevelFigures) => Spread): Figure[] => [
  { name: `${name}, p50 ms`, of: (level) => pick(level).p50 },
  { name: `${name}, p99 ms`, of: (level) => pick(level).p99 },
];

const FIGURES: readonly Figure[] = [
  ...bothOf('POST -> 202', ({ submitMs }) => submitMs),
  ...bothOf('POST -> first token, idle worker', ({ firstTokenMs }) => firstTokenMs),
  ...bothOf('first token of the engine alone', ({ engineFirstTokenMs }) => engineFirstTokenMs),
  { name: 'first token: service over engine, p50 ms', of: overheadMs },
  ...bothOf('POST -> first token, overtaking', ({ overtakingFirstTokenMs }) => overtakingFirstTokenMs),
  ...bothOf('finished -> webhook received', ({ webhookMs }) => webhookMs),
  ...bothOf('cancel of a running job', ({ cancelRunningMs }) => cancelRunningMs),
  ...bothOf('cancel of a waiting job', ({ cancelWaitingMs }) => cancelWaitingMs),
  ...bothOf('start_by -> expired', ({ expiryMs }) => expiryMs),
  ...bothOf('GET of a waiting job', ({ readWaitingMs }) => readWaitingMs),
  ...bothOf('GET of the newest jobs', ({ listMs }) => listMs),
  ...bothOf('GET of /metrics', ({ metricsMs }) => metricsMs),
  { name: 'jobs/s, instant model', of: ({ jobsPerS }) => jobsPerS, isRate: true },
  { name: 'Redis CPU ms per job, instant model', of: ({ redisCpuMsPerJob }) => redisCpuMsPerJob },
  { name: 'submissions/s, 64 at once', of: ({ submitsPerS }) => submitsPerS, isRate: true },
  { name: 'Redis bytes per waiting job', of: ({ redisBytesPerWaitingJob }) => redisBytesPerWaitingJob },
  { name: 'Redis bytes per finished job', of: ({ redisBytesPerFinishedJob }) => redisBytesPerFinishedJob },
];

export interface ReportRow {
  readonly figure: string;
  /** One for each level, in the order they were measured. */
  readonly values: readonly number[];
  /** Cost at the last level over cost at the first: 1 = the backlog costs nothing. */
  readonly growth: number;
}

export function reportOf(levels: readonly LevelFigures[]): ReportRow[] {
  return FIGURES.map(({ name, of, isRate = false }) => {
    const values = levels.map((level) => roundTo(4, of(level)));
    const [first = Number.NaN, last = Number.NaN] = [values[0], values.at(-1)];
    return { figure: name, values, growth: roundTo(3, isRate ? first / last : last / first) };
  });
}

export function printTable(levels: readonly LevelFigures[]): void {
  const names = levels.map(({ waiting }) => `${waiting} waiting`);
  const rows = reportOf(levels).map(({ figure, values, growth }) => ({
    figure,
    ...Object.fromEntries(names.map((name, i) => [name, values[i]])),
    'last / first': growth,
  }));
  console.table(rows);
}

function overheadMs({ firstTokenMs, engineFirstTokenMs }: LevelFigures): number {
  return firstTokenMs.p50 - engineFirstTokenMs.p50;
}
