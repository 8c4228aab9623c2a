import { measureEngine, type EngineFigures } from '../support/measure-engine.js';
import { median, roundTo } from '../support/median.js';
import type { BenchShape, ShapeName } from '../support/shapes.js';
import type { BenchDevice } from './bench-device.js';

/** Sequences that decode together. */
export interface Load {
  readonly sequences: number;
  readonly deterministic: boolean;
}

/** Medians over the turns of one load. */
export interface StepRow extends Load, BenchDevice {
  readonly shape: ShapeName;
  /** Per weight, over the decoder's linear layers. */
  readonly bits: number;
  readonly promptTokens: number;
  readonly decodeTokensPerS: number;
  readonly prefillTokensPerS: number;
  readonly decodeCpuMsPerToken: number;
  readonly prefillCpuMsPerToken: number;
  /** Host time of a decode step while the device waits: sampling, stop rules, the next plan. */
  readonly stepOverheadMs: number;
  /** Host time of a decode step while the device works: what came of the step before is told. */
  readonly hiddenMs: number;
  /** Of the device's bandwidth, what reading the weights takes; null where it was not said. */
  readonly bandwidthShare: number | null;
}

export interface StepsMeasurement {
  readonly loads: readonly Load[];
  readonly turns: number;
  readonly device: BenchDevice;
  /** Of the device's memory; undefined where nobody knows. */
  readonly bandwidthBytesPerS: number | undefined;
}

/** Loads take turns, so that a disturbance of the machine does not hit one of them alone. */
export async function measureSteps(shape: BenchShape, measurement: StepsMeasurement): Promise<StepRow[]> {
  const { loads, turns } = measurement;
  const figures = new Map(loads.map((load) => [load, [] as EngineFigures[]]));
  const { promptTokens, decodeSteps, createDecoder } = shape;
  const sequences = Math.min(2, shape.sequences);
  await measureEngine(shape.runner, { sequences, promptTokens, decodeSteps: 4 }, createDecoder);
  for (let turn = 0; turn < turns; turn += 1) {
    for (const [load, taken] of figures) {
      taken.push(await measureEngine(shape.runner, { ...load, promptTokens, decodeSteps }, createDecoder));
      process.stderr.write(
        `${shape.name} ${shape.bitsPerWeight.toFixed(2)} bits: turn ${turn + 1}/${turns}, ${load.sequences} sequences\n`,
      );
    }
  }
  return [...figures].map(([load, taken]) => toRow(shape, measurement, load, taken));
}

function toRow(
  shape: BenchShape,
  { device, bandwidthBytesPerS }: StepsMeasurement,
  load: Load,
  taken: readonly EngineFigures[],
): StepRow {
  const of = (pick: (figures: EngineFigures) => number) => roundTo(3, median(taken.map(pick)));
  const decodeTokensPerS = of((figures) => figures.decodeTokensPerS);
  const weightBytesPerS = (shape.stepBytes * decodeTokensPerS) / load.sequences;
  return {
    ...device,
    shape: shape.name,
    bits: roundTo(4, shape.bitsPerWeight),
    ...load,
    promptTokens: shape.promptTokens,
    decodeTokensPerS,
    prefillTokensPerS: of((figures) => figures.prefillTokensPerS),
    decodeCpuMsPerToken: of((figures) => figures.decodeCpuMsPerToken),
    prefillCpuMsPerToken: of((figures) => figures.prefillCpuMsPerToken),
    stepOverheadMs: of((figures) => median(figures.stepOverheadsMs)),
    hiddenMs: of((figures) => median(figures.hiddenMs)),
    bandwidthShare:
      bandwidthBytesPerS === undefined ? null : roundTo(3, weightBytesPerS / bandwidthBytesPerS),
  };
}
