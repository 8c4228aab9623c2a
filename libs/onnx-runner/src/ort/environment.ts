import { createHandle, ortApi, type Pointer } from './ort-api.js';

const LOG_ERRORS_ONLY = 3;

let processEnvironment: Pointer | undefined;

/** ONNX Runtime's logger and global state: one for the process, as long as it lives. Providers need it to be there. */
export function ortEnvironment(): Pointer {
  processEnvironment ??= createHandle('start ONNX Runtime', (out) =>
    ortApi().CreateEnv(LOG_ERRORS_ONLY, 'drover', out),
  );
  return processEnvironment;
}
