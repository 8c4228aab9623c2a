/** A Redis server this process started. */
export interface RunningRedis {
  readonly url: string;
  readonly pid: number;
  /** `redis-server`, `valkey-server` or `js-redis-server`. */
  readonly serverName: string;
  /** Ends the server in order; resolves when it is gone. */
  close(): Promise<void>;
}
