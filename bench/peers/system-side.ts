import { answerQuestions } from '../support/measuring-process.js';
import type { CaseFigures, CaseLoad, MeasuredSystem, SystemName, SystemOptions } from './measured-system.js';
import { openLlamaCpp } from './node-llama-cpp.js';
import { openOurs } from './ours.js';
import { openTransformersJs } from './transformers-js.js';

/** What a measuring process is started with. */
export interface SideOptions extends SystemOptions {
  readonly system: SystemName;
}

const OPEN: Record<SystemName, (options: SystemOptions) => Promise<MeasuredSystem>> = {
  ours: openOurs,
  'node-llama-cpp': openLlamaCpp,
  'transformers.js': openTransformersJs,
};

const options: SideOptions = JSON.parse(process.argv[2] ?? '{}');
answerQuestions<CaseLoad, CaseFigures>(await OPEN[options.system](options));
