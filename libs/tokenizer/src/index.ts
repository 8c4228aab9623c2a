export type { TokenTextDecoder } from './incremental-text-decoder.js';
export { loadTokenizer } from './load-tokenizer.js';
export { TokenizerFileError } from './tokenizer-files.js';
export { Tokenizer, type TokenDescription } from './tokenizer.js';
export { parseToolCalls, type AssistantTurn } from './tool-calls/parse-tool-calls.js';
