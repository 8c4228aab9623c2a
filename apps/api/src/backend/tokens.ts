/** Injection tokens of what is not a class of this app. */
export const SETTINGS = Symbol('ApiSettings');
export const LOGGER = Symbol('Logger');
export const METRICS = Symbol('ApiMetrics');
/** Every route that Fastify registered, filled while the application starts. */
export const ROUTES = Symbol('Route[]');
export const JOB_SUBMITTER = Symbol('JobSubmitter');
export const JOB_READER = Symbol('JobReader');
export const JOB_EVENT_FEED = Symbol('JobEventFeed');
/** One connection that listens, shared by the readers. */
export const SUBSCRIBER = Symbol('RedisSubscriber');
/** Connection for what no library asks Redis. */
export const REDIS = Symbol('Redis');
