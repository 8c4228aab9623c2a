import type { QuantizeProgress } from '#quantizer';
import type { Terminal } from './terminal.js';

const STEPS = {
  reference: () => 'Writing the float32 model to compare variants with',
  quantize: (variant) => `Variant ${variant}: quantizing`,
  calibrate: (variant) => `Variant ${variant}: finding the range of keys and values`,
  measure: (variant) => `Variant ${variant}: measuring`,
} as const satisfies Record<QuantizeProgress['stage'], (variant: string) => string>;

/** One line that follows the build of variants; where lines cannot be rewritten, one line for each step of it. */
export function showBuildProgress(terminal: Terminal): (progress: QuantizeProgress) => void {
  let last = '';
  return ({ stage, variant, done, total }) => {
    const step = STEPS[stage](variant);
    if (terminal.rewrites) terminal.progress(`${step} ${done}/${total}`);
    else if (step !== last) terminal.line(`${step} …`);
    last = step;
  };
}
