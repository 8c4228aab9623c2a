import { startLaunchingParent, until } from '#testing';
import { Redis } from 'ioredis';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchRedis, type LaunchedRedis } from './launch-redis.js';
import { findRedisBinary } from './native-redis.js';

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('launchRedis', () => {
  let dataDir: string;
  let launched: LaunchedRedis[];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'drover-launch-'));
    launched = [];
  });
  afterEach(async () => {
    await Promise.all(launched.map((server) => server.close()));
    await rm(dataDir, { recursive: true, force: true });
  });

  const launch = async (options: Partial<Parameters<typeof launchRedis>[0]> = {}) => {
    const server = await launchRedis({ dataDir, mode: 'auto', nodeEnv: 'test', ...options });
    launched.push(server);
    return server;
  };
  const ask = async <T>(url: string, question: (redis: Redis) => Promise<T>): Promise<T> => {
    const redis = new Redis(url);
    try {
      return await question(redis);
    } finally {
      redis.disconnect();
    }
  };

  it.each(['auto', 'embedded'] as const)('starts a server (%s) that ends when it is closed', async (mode) => {
    const server = await launch({ mode });
    expect(await ask(server.url, (redis) => redis.ping())).toBe('PONG');
    expect(isAlive(server.pid)).toBe(true);
    await server.close();
    expect(isAlive(server.pid)).toBe(false);
  });

  it.each(['auto', 'embedded'] as const)(
    'leaves no server (%s) behind when its process is killed',
    async (mode) => {
      const parent = startLaunchingParent(dataDir, mode);
      const pid = Number(await until(() => parent.lines[0]));
      expect(isAlive(pid)).toBe(true);
      await parent.kill9();
      await until(() => !isAlive(pid));
    },
  );

  it('refuses the embedded server in production and says what to do', async () => {
    const refused = launch({ mode: 'embedded', nodeEnv: 'production' });
    await expect(refused).rejects.toThrow(/NODE_ENV=production refuses it.*REDIS_URL/);
  });

  describe.skipIf(findRedisBinary() === undefined)('with a native server', () => {
    it('keeps what was written over a restart', async () => {
      const first = await launch();
      await ask(first.url, (redis) => redis.set('kept', 'yes'));
      await first.close();
      const second = await launch();
      expect(await ask(second.url, (redis) => redis.get('kept'))).toBe('yes');
    });

    it('is durable and never evicts', async () => {
      const { url } = await launch();
      const settings = await ask(url, (redis) => redis.config('GET', 'append*', 'maxmemory-policy'));
      expect(settings).toEqual(expect.arrayContaining(['appendonly', 'yes', 'everysec', 'noeviction']));
    });

    it('keeps the record and the stream of a short job small', async () => {
      const { url } = await launch();
      const [streamBytes, encoding] = await ask(url, async (redis) => {
        await redis.xadd('stream', '0-1', 'type', 'status');
        await redis.hset('record', 'input', 'a prompt of some length '.repeat(20));
        return [await redis.memory('USAGE', 'stream'), await redis.object('ENCODING', 'record')];
      });
      expect(streamBytes).toBeLessThan(2_000);
      expect(encoding).toMatch(/^(listpack|ziplist)$/);
    });

    it('refuses a data folder that a living server holds, and names it', async () => {
      const first = await launch();
      await expect(launch()).rejects.toThrow(new RegExp(`in use by the Redis at ${first.url}.*REDIS_URL`));
      expect(await ask(first.url, (redis) => redis.ping())).toBe('PONG');
    });

    it('takes a data folder over from a launcher that died', async () => {
      await writeFile(
        join(dataDir, 'drover-redis.json'),
        '{"launcherPid":1,"url":"redis://127.0.0.1:1","pid":1}',
      );
      await launch();
      launched = await Promise.all(launched.map(async (server) => (await server.close(), server))).then(
        () => [],
      );
      await writeFile(join(dataDir, 'drover-redis.json'), '{"laun');
      expect((await launch()).kind).toBe('native');
    });
  });

  it('finds nothing on an empty PATH', () => {
    expect(findRedisBinary('')).toBeUndefined();
    expect(findRedisBinary(dataDir)).toBeUndefined();
  });
});
