export {
  ConstraintCompiler,
  type ConstraintFactory,
  type ConstraintSpec,
  type ConstraintVocabulary,
} from './constraint/constraint-compiler.js';
export { validateResponseFormat, validateToolChoice } from './validate.js';
