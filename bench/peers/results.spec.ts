import { expect, it } from 'vitest';
import type { CaseFigures, SystemName } from './measured-system.js';
import { toRatios, toRow, type CaseResult } from './results.js';
import { judgeTargets } from './targets.js';

const LOAD = { sequences: 1, promptTokens: 128, decodeSteps: 8 };

const figures = (tokensPerS: number): CaseFigures => ({
  decodeTokensPerS: tokensPerS,
  decodeCpuMsPerToken: 1000 / tokensPerS,
  prefillTokensPerS: 10 * tokensPerS,
  prefillCpuMsPerToken: 100 / tokensPerS,
});

const result = (system: SystemName, ...tokensPerS: number[]): CaseResult => ({
  system,
  shape: '1b',
  bits: 4,
  kvCache: 'f32',
  load: LOAD,
  turns: tokensPerS.map(figures),
  unable: tokensPerS.length === 0 ? 'took longer than 1 s' : null,
  stepBytes: 1e9,
});

const rowsOf = (...results: CaseResult[]) => results.map((one) => toRow(one, 20e9));

it('takes the median over the turns, and the share of memory bandwidth of a lone sequence', () => {
  expect(rowsOf(result('ours', 8, 100, 10))[0]).toMatchObject({ decodeTokensPerS: 10, bandwidthShare: 0.5 });
});

it('gives a ratio above one where ours is ahead, by speed and by CPU time', () => {
  const [ratio] = toRatios(rowsOf(result('ours', 30), result('node-llama-cpp', 20)));
  expect(ratio).toMatchObject({ against: 'node-llama-cpp', decode: 1.5, prefill: 1.5, decodeCpu: 1.5 });
});

it('gives no figure and no ratio of a case that a system could not run', () => {
  const rows = rowsOf(result('ours', 30), result('transformers.js'));
  expect(rows[1]).toMatchObject({ decodeTokensPerS: null, unable: 'took longer than 1 s' });
  expect(rows[1]).not.toHaveProperty('bandwidthShare');
  expect(toRatios(rows)).toEqual([]);
});

it('compares within one case only', () => {
  const longer = { ...result('node-llama-cpp', 20), load: { ...LOAD, promptTokens: 1024 } };
  const smallCache = { ...result('node-llama-cpp', 20), kvCache: 'int8' as const };
  expect(toRatios(rowsOf(result('ours', 30), longer, smallCache))).toEqual([]);
});

it('tells a target that is met, missed, or was not measured', () => {
  const outcomes = (ours: number) =>
    judgeTargets(toRatios(rowsOf(result('ours', ours), result('node-llama-cpp', 20)))).map(
      ({ outcome }) => outcome,
    );
  expect(outcomes(20)[0]).toBe('met');
  expect(outcomes(19)[0]).toBe('missed');
  expect(outcomes(20)[1]).toBe('not measured');
});
