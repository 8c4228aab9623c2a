import type { Logger } from '#observability';
import { claimDataDir } from './data-dir-claim.js';
import { startEmbeddedRedis } from './embedded-redis.js';
import { findRedisBinary, startNativeRedis } from './native-redis.js';
import type { RunningRedis } from './running-redis.js';

export interface LaunchRedisOptions {
  /** Folder of the native server's data; the embedded one keeps none. */
  readonly dataDir: string;
  /** `auto` takes a native server where PATH has one; `embedded` never does. */
  readonly mode: 'auto' | 'embedded';
  /** `production` refuses the embedded server. */
  readonly nodeEnv: string;
  /** A free port unless given. */
  readonly port?: number;
  readonly logger?: Logger;
}

export interface LaunchedRedis extends RunningRedis {
  /** `embedded-js` loses every job when it ends. */
  readonly kind: 'native' | 'embedded-js';
}

const INSTALL_HINT =
  'Install one (apt-get install redis-server, or brew install valkey) or set REDIS_URL to a running one.';

/** Starts a Redis for this process and its children; it ends with this process, whatever ends that. */
export async function launchRedis(options: LaunchRedisOptions): Promise<LaunchedRedis> {
  const binary = options.mode === 'auto' ? findRedisBinary() : undefined;
  return binary === undefined ? launchEmbedded(options) : launchNative(binary, options);
}

async function launchNative(binary: string, { dataDir, port }: LaunchRedisOptions): Promise<LaunchedRedis> {
  const claim = await claimDataDir(dataDir);
  try {
    const server = await startNativeRedis(binary, dataDir, port);
    await claim.record(server);
    const close = async () => {
      await server.close();
      await claim.release();
    };
    return { ...server, kind: 'native', close };
  } catch (error) {
    await claim.release();
    throw error;
  }
}

async function launchEmbedded({ nodeEnv, mode, port, logger }: LaunchRedisOptions): Promise<LaunchedRedis> {
  const why =
    mode === 'embedded' ? 'DROVER_REDIS=embedded asks for it' : 'PATH has no redis-server or valkey-server';
  if (nodeEnv === 'production') {
    throw new Error(
      `The in-memory Redis loses every job when it stops, so NODE_ENV=production refuses it (${why}). ${INSTALL_HINT}`,
    );
  }
  const server = await startEmbeddedRedis(port);
  logger?.warn(
    `IN MEMORY, FOR DEMOS ONLY: the queue is in the embedded Redis (${why}). Every job is lost when it stops. ${INSTALL_HINT}`,
  );
  return { ...server, kind: 'embedded-js' };
}
