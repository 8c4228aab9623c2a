export type * from './variant-manifest.js';
