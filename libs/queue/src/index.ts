export type * from './queue.types.js';
