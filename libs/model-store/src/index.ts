export * from './end-tokens.js';
export * from './llama-config.js';
export * from './llama-tensors.js';
export * from './read-json.js';
export * from './sha256-file.js';
export * from './variant-manifest.js';
