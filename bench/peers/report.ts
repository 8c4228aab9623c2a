import type { Machine } from '../support/machine.js';
import type { Ratio, Row } from './results.js';

/** What the benchmark prints as JSON, and what its tables and its chart are made from. */
export interface PeersReport {
  readonly machine: Machine & {
    readonly threads: number;
    /** ISO 8601, UTC. */
    readonly date: string;
    /** Runnable threads of the whole machine over the minute before the run; far over 0 it was shared. */
    readonly loadBefore: number;
    readonly memoryBandwidthGBPerS: number;
    readonly bandwidthMethod: string;
    /** Of one core, while others were measured. */
    readonly idleCpuShares: Readonly<Record<string, number>>;
  };
  readonly rows: readonly Row[];
  readonly ratios: readonly Ratio[];
}

/** Runs one after the other on one machine, as one report; its load is the highest of them. */
export function joinReports(reports: readonly PeersReport[]): PeersReport {
  const [first] = reports;
  if (first === undefined) throw new Error('There is no report to show.');
  return {
    machine: { ...first.machine, loadBefore: Math.max(...reports.map(({ machine }) => machine.loadBefore)) },
    rows: reports.flatMap(({ rows }) => rows),
    ratios: reports.flatMap(({ ratios }) => ratios),
  };
}

export function describeRun({ machine }: PeersReport): string {
  const { cpu, cores, threads, memoryBandwidthGBPerS, date, loadBefore } = machine;
  return (
    `${cpu}, ${threads} of ${cores} cores, ${memoryBandwidthGBPerS} GB/s of memory bandwidth, ${date.slice(0, 10)}, ` +
    `load ${loadBefore.toFixed(1)} before the run`
  );
}
