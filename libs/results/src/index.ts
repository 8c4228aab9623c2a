export { createJobEventFeed, type ResultsOptions } from './job-event-feed.js';
export { createJobReader } from './job-reader.js';
export type * from './results.types.js';
