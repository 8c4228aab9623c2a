import { drawBarChart } from './bar-chart.js';
import { SYSTEMS } from './measured-system.js';
import { describeRun, type PeersReport } from './report.js';

const SHOWN = { shape: '1b', bits: 4, kvCache: 'f32' } as const;

/** Decode speed by sequences of each system: the 1B shape, 4 bits, the shortest prompt. @throws where it was not measured */
export function drawChart(report: PeersReport): string {
  const ofModel = report.rows.filter(
    ({ shape, bits, kvCache }) => shape === SHOWN.shape && bits === SHOWN.bits && kvCache === SHOWN.kvCache,
  );
  const promptTokens = Math.min(...ofModel.map((row) => row.promptTokens));
  const rows = ofModel.filter((row) => row.promptTokens === promptTokens);
  if (rows.length === 0) throw new Error('The chart shows the 1B shape at 4 bits, which was not measured.');
  const sequences = [...new Set(rows.map((row) => row.sequences))];
  const systems = SYSTEMS.filter((system) => rows.some((row) => row.system === system));
  return drawBarChart({
    title: `Decode, tokens/s: 1B-shaped Llama, 4 bits, on ${report.machine.threads} CPU cores`,
    subtitle: describeRun(report),
    groups: sequences.map((count) => `${count} ${count === 1 ? 'sequence' : 'sequences'}`),
    series: systems.map((system) => ({
      name: system === 'ours' ? 'Drover' : system,
      values: sequences.map((count) => {
        const row = rows.find((candidate) => candidate.system === system && candidate.sequences === count);
        return row?.decodeTokensPerS ?? null;
      }),
    })),
  });
}
