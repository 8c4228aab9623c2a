import { SYSTEMS, type SystemName } from './measured-system.js';
import { describeRun, type PeersReport } from './report.js';
import { isSameCase, type Ratio, type Row } from './results.js';
import { judgeTargets } from './targets.js';

type Measure = 'decode' | 'prefill';

const COLUMNS = {
  decode: { tokensPerS: 'decodeTokensPerS', cpuMs: 'decodeCpuMsPerToken', cpuRatio: 'decodeCpu' },
  prefill: { tokensPerS: 'prefillTokensPerS', cpuMs: 'prefillCpuMsPerToken', cpuRatio: 'prefillCpu' },
} as const;

const NOTHING = '–';

/** The report as tables of Markdown: targets first, then decode and prefill of each shape and number of bits. */
export function toMarkdown(report: PeersReport): string {
  const models = [...new Set(report.rows.map(modelOf))];
  const sections = models.flatMap((model) =>
    (['decode', 'prefill'] as const).map(
      (measure) => `### ${model}: ${measure}\n\n${caseTable(report, model, measure)}`,
    ),
  );
  return [`Measured on ${describeRun(report)}.`, targetTable(report.ratios), ...sections].join('\n\n');
}

function targetTable(ratios: readonly Ratio[]): string {
  return table(
    ['1B shape, 4 bits', 'against', 'sequences', 'prompt tokens', 'cache', 'target', 'measured', ''],
    judgeTargets(ratios).map((target) => [
      target.measure,
      target.against,
      target.sequences,
      target.promptTokens,
      target.kvCache ?? 'f32',
      `≥ ${target.atLeast}×`,
      target.reached === null ? NOTHING : `${target.reached}×`,
      target.outcome,
    ]),
  );
}

/** One line a case: each system's tokens a second and CPU time, and how many times better ours is by both. */
function caseTable({ rows, ratios }: PeersReport, model: string, measure: Measure): string {
  const ofModel = rows.filter((row) => modelOf(row) === model);
  const systems = SYSTEMS.filter((system) => ofModel.some((row) => row.system === system));
  const peers = systems.filter((system) => system !== 'ours');
  const cases = ofModel.filter((row) => row.system === systems[0]);
  const shares = measure === 'decode';
  const header = [
    'prompt',
    'sequences',
    ...systems.flatMap((system) => [`${system}, tokens/s`, 'CPU ms']),
    ...peers.map((peer) => `ours / ${peer} (by CPU)`),
    ...(shares ? ['bandwidth share'] : []),
  ];
  const lines = cases.map((line) => {
    const rowOf = (system: SystemName) =>
      ofModel.find((row) => row.system === system && isSameCase(row, line));
    return [
      line.promptTokens,
      line.sequences,
      ...systems.flatMap((system) => figuresOf(rowOf(system), measure)),
      ...peers.map((peer) => ratioCell(ratios, line, peer, measure)),
      ...(shares ? [systems.map((system) => shareCell(rowOf(system))).join(' / ')] : []),
    ];
  });
  return table(header, lines);
}

function figuresOf(row: Row | undefined, measure: Measure): [string | number, string | number] {
  const { tokensPerS, cpuMs } = COLUMNS[measure];
  return [row?.[tokensPerS] ?? NOTHING, row?.[cpuMs] ?? NOTHING];
}

function ratioCell(ratios: readonly Ratio[], row: Row, peer: SystemName, measure: Measure): string {
  const ratio = ratios.find((candidate) => candidate.against === peer && isSameCase(candidate, row));
  return ratio === undefined ? NOTHING : `${ratio[measure]}× (${ratio[COLUMNS[measure].cpuRatio]}×)`;
}

function shareCell(row: Row | undefined): string {
  return row?.bandwidthShare === undefined ? NOTHING : `${Math.round(row.bandwidthShare * 100)} %`;
}

function modelOf({ shape, bits, kvCache }: Row): string {
  const name = shape === 'default' ? 'drover-tiny' : `${shape.toUpperCase()} shape`;
  return `${name}, ${bits} bits${kvCache === 'f32' ? '' : `, ${kvCache} cache`}`;
}

function table(header: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...lines.map(line)].join('\n');
}
