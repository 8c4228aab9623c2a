import type { EtaSeconds } from '#contracts';
import { median, roundTo } from '../support/median.js';

/** What a waiting job was told, and how long it waited from then on. */
export interface Prediction {
  readonly eta: EtaSeconds;
  readonly actualS: number;
  readonly priority: number;
}

export interface Calibration {
  readonly predictions: number;
  readonly medianAbsoluteErrorS: number;
  /** Of predictions whose wait was over a second: error over wait. */
  readonly medianRelativeError: number;
  /** Share of starts that came within [low, high]; the bounds aim at 0.8. */
  readonly withinBounds: number;
  /** Median of told minus actual: above 0, jobs started earlier than they were told. */
  readonly biasS: number;
}

const LONG_WAIT_S = 1;

/** NaN where there is nothing to tell from. */
export function calibrationOf(predictions: readonly Prediction[]): Calibration {
  const errors = predictions.map(({ eta, actualS }) => eta.expected - actualS);
  const long = predictions.filter(({ actualS }) => actualS > LONG_WAIT_S);
  const within = predictions.filter(({ eta, actualS }) => eta.low <= actualS && actualS <= eta.high);
  return {
    predictions: predictions.length,
    medianAbsoluteErrorS: roundTo(3, median(errors.map(Math.abs))),
    medianRelativeError: roundTo(
      3,
      median(long.map(({ eta, actualS }) => Math.abs(eta.expected - actualS) / actualS)),
    ),
    withinBounds: roundTo(3, within.length / predictions.length),
    biasS: roundTo(3, median(errors)),
  };
}
