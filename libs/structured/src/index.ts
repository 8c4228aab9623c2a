export { checkForm, type CheckedForm } from './check-form.js';
export {
  ConstraintCompiler,
  type ConstraintFactory,
  type ConstraintVocabulary,
} from './constraint/constraint-compiler.js';
export { specOfJob, type ConstraintSpec } from './constraint/constraint-spec.js';
export { TokenSpelling } from './token-spelling.js';
