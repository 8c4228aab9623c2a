import type { QuantizeProgress } from '#quantizer';
import type { Terminal } from './terminal.js';

const VERBS = {
  reference: 'writing the float32 model to compare with',
  quantize: 'quantizing',
  measure: 'measuring',
} as const satisfies Record<QuantizeProgress['stage'], string>;

/** One line that follows the build of variants; where lines cannot be rewritten, one line for each step of it. */
export function showBuildProgress(terminal: Terminal): (progress: QuantizeProgress) => void {
  let last = '';
  return ({ stage, variant, done, total }) => {
    const step = `Variant ${variant}: ${VERBS[stage]}`;
    if (terminal.rewrites) terminal.progress(`${step} ${done}/${total}`);
    else if (step !== last) terminal.line(`${step} …`);
    last = step;
  };
}
