import type { PeersReport } from './report.js';

const row = (system: 'ours' | 'node-llama-cpp', sequences: number, tokensPerS: number | null) => ({
  system,
  shape: '1b' as const,
  bits: 4 as const,
  kvCache: 'f32' as const,
  sequences,
  promptTokens: 128,
  decodeTokensPerS: tokensPerS,
  prefillTokensPerS: tokensPerS,
  decodeCpuMsPerToken: tokensPerS,
  prefillCpuMsPerToken: tokensPerS,
});

/** Ours ran both cases, the peer one. */
export const REPORT: PeersReport = {
  machine: {
    cpu: 'A & B <64> "fast"',
    cores: 2,
    memoryGiB: 24,
    platform: 'linux-x64',
    node: 'v24.0.0',
    threads: 2,
    date: '2026-11-24T20:00:00.000Z',
    loadBefore: 0.25,
    memoryBandwidthGBPerS: 25,
    bandwidthMethod: 'by hand',
    idleCpuShares: {},
  },
  rows: [
    { ...row('ours', 1, 30), bandwidthShare: 0.6 },
    row('node-llama-cpp', 1, 20),
    row('ours', 8, 120),
    { ...row('node-llama-cpp', 8, null), unable: 'took longer than 1 s' },
  ],
  ratios: [
    {
      against: 'node-llama-cpp',
      shape: '1b',
      bits: 4,
      kvCache: 'f32',
      sequences: 1,
      promptTokens: 128,
      decode: 1.5,
      prefill: 1.5,
      decodeCpu: 1.4,
      prefillCpu: 1.4,
    },
  ],
};
