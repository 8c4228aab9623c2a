import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { errorCodeOf } from '../error-code.js';
import type { RunningRedis } from './running-redis.js';

const PROBE_TIMEOUT_MS = 1_000;

/** Two servers on one data folder would destroy each other's log, so the folder names the one that holds it. */
export interface DataDirClaim {
  record(server: RunningRedis): Promise<void>;
  release(): Promise<void>;
}

/** Claims the folder; throws while a server that another launcher started is still alive on it. */
export async function claimDataDir(dataDir: string): Promise<DataDirClaim> {
  await mkdir(dataDir, { recursive: true });
  const file = join(dataDir, 'drover-redis.json');
  for (;;) {
    try {
      await writeFile(file, JSON.stringify({ launcherPid: process.pid }), { flag: 'wx' });
      break;
    } catch (error) {
      if (errorCodeOf(error) !== 'EEXIST') throw error;
      await dropStaleClaim(file, dataDir);
    }
  }
  return {
    record: ({ url, pid }) => writeFile(file, JSON.stringify({ launcherPid: process.pid, url, pid })),
    release: () => rm(file, { force: true }),
  };
}

async function dropStaleClaim(file: string, dataDir: string): Promise<void> {
  const claim = await readClaim(file);
  const holder = claim.url === undefined ? isAlive(claim.launcherPid) : await answers(claim.url, claim.pid);
  if (!holder) return rm(file, { force: true });
  const where = claim.url === undefined ? '' : ` at ${claim.url}`;
  throw new Error(
    `${dataDir} is in use by the Redis${where} of process ${claim.launcherPid}. ` +
      `Stop that one, share it by REDIS_URL${claim.url === undefined ? '' : `=${claim.url}`}, or set another DROVER_DATA_DIR.`,
  );
}

const claimSchema = z.object({
  launcherPid: z.int().optional(),
  url: z.string().optional(),
  pid: z.int().optional(),
});

type Claim = z.output<typeof claimSchema>;

async function readClaim(file: string): Promise<Claim> {
  try {
    return claimSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    // Gone, or cut short by a crash: nobody's.
    return {};
  }
}

/** True if the very process of the claim serves there; a reused port or process id is not it. */
async function answers(url: string, pid: number | undefined): Promise<boolean> {
  const redis = new Redis(url, {
    retryStrategy: () => null,
    connectTimeout: PROBE_TIMEOUT_MS,
    commandTimeout: PROBE_TIMEOUT_MS,
  });
  redis.on('error', () => {});
  try {
    return (await redis.info('server')).includes(`process_id:${pid}\r`);
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

function isAlive(pid: number | undefined): boolean {
  if (pid === undefined || pid === process.pid) return pid !== undefined;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCodeOf(error) === 'EPERM';
  }
}
