import { loadavg } from 'node:os';
import { describeMachine } from '../support/machine.js';
import type { KvCacheType } from '#contracts';
import { slotContextTokens } from '../support/measure-engine.js';
import { roundTo } from '../support/median.js';
import { BANDWIDTH_METHOD, measureMemoryBandwidth } from '../support/memory-bandwidth.js';
import type { SystemName } from './measured-system.js';
import {
  removePeerModel,
  writePeerModel,
  type Bits,
  type ModelKey,
  type PeerModel,
  type ShapeName,
} from './peer-models.js';
import { planCases, type CaseOptions } from './plan-cases.js';
import type { PeersReport } from './report.js';
import { toRatios, toRow, type CaseResult } from './results.js';
import { takeTurns } from './take-turns.js';

export interface PeersOptions {
  readonly shapes: readonly ShapeName[];
  readonly bits: readonly Bits[];
  readonly kvCaches: readonly KvCacheType[];
  readonly systems: readonly SystemName[];
  readonly cases: CaseOptions;
  readonly turns: number;
  readonly threads: number;
  readonly caseLimitMs: number;
  readonly keep: boolean;
  /** Ends the run after the case in progress; the report has what was measured until then. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** One model after the other: its files are written, all cases take their turns, its files are removed. */
export async function runPeers(options: PeersOptions): Promise<PeersReport> {
  const { threads, keep, signal, say } = options;
  const loadBefore = loadavg()[0] ?? 0;
  const bandwidthBytesPerS = await measureMemoryBandwidth(threads);
  const results: CaseResult[] = [];
  const idleCpuShares: Record<string, number> = {};
  for (const key of modelKeys(options)) {
    if (signal.aborted) break;
    say(`writing ${key.shape} at ${key.bits} bits, ${key.kvCache} cache`);
    const model = await writePeerModel(key);
    try {
      const taken = await measureModel(model, options);
      results.push(...taken.results);
      for (const [system, share] of Object.entries(taken.idleCpuShares)) {
        idleCpuShares[system] = roundTo(3, Math.max(share, idleCpuShares[system] ?? 0));
      }
    } finally {
      if (!keep) await removePeerModel(model);
    }
  }
  const rows = results.map((result) => toRow(result, bandwidthBytesPerS));
  return {
    machine: {
      ...describeMachine(),
      threads,
      date: new Date().toISOString(),
      loadBefore: roundTo(2, loadBefore),
      memoryBandwidthGBPerS: roundTo(3, bandwidthBytesPerS / 1e9),
      bandwidthMethod: BANDWIDTH_METHOD,
      idleCpuShares,
    },
    rows,
    ratios: toRatios(rows),
  };
}

function modelKeys({ shapes, bits, kvCaches }: PeersOptions): ModelKey[] {
  return shapes.flatMap((shape) =>
    bits.flatMap((bitsOfModel) => kvCaches.map((kvCache) => ({ shape, bits: bitsOfModel, kvCache }))),
  );
}

function measureModel(model: PeerModel, options: PeersOptions) {
  const { systems, turns, threads, caseLimitMs, signal, say } = options;
  const { contextTokens, vocabSize, layers, keyValueHeads, headDim } = model.config;
  const cases = planCases(model.shape, contextTokens, options.cases);
  const side = {
    onnxDirectory: model.onnxDirectory,
    ggufPath: model.ggufPath,
    vocabSize,
    kvCache: model.kvCache,
    slots: Math.max(...cases.map(({ sequences }) => sequences)),
    contextTokens: Math.min(contextTokens, Math.max(...cases.map(slotContextTokens))),
    cacheTokenBytes: 2 * layers * keyValueHeads * headDim * 4,
    threads,
  };
  return takeTurns(model, cases, { systems, turns, caseLimitMs, side, signal, say });
}
