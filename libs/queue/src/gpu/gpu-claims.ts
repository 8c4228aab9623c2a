import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_TTL_MS } from '#contracts';
import type { Logger } from '#observability';
import type { Redis } from 'ioredis';
import { connectRedis } from '../redis-connection.js';
import { redisKeys } from '../redis-keys.js';
import { plainScript, runScript } from '../scripts/redis-script.js';
import { storedValue } from '../stored-value.js';
import { hostId } from './host-id.js';

/** Who has a GPU. */
export interface GpuHolder {
  readonly workerId: string;
  readonly model: string;
  readonly variant: string;
  readonly sinceMs: number;
}

export type GpuClaimOutcome =
  | { readonly kind: 'claimed'; readonly uuid: string }
  /** Every GPU has a holder; in the order they were asked for. */
  | { readonly kind: 'held'; readonly holders: readonly GpuHolder[] };

/**
 * Claims the first GPU that is free, in one step, so that two workers never get the same.
 *
 * KEYS GPUs, best first · ARGV 1 holder · 2 lease (ms)
 * Returns {place from 1}, or {0, holders…}.
 */
const claimScript = plainScript(`
local holders = { 0 }
for place, key in ipairs(KEYS) do
  local holder = redis.call('GET', key)
  if not holder or holder == ARGV[1] then
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    return { place }
  end
  holders[#holders + 1] = holder
end
return holders
`);

/** KEYS 1 GPU · ARGV 1 holder */
const releaseScript = plainScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
`);

export interface GpuClaimsOptions {
  readonly redisUrl: string;
  readonly holder: GpuHolder;
  readonly logger: Logger;
  /** Default: this host. */
  readonly host?: string;
}

/**
 * This worker's claims on the GPUs of its host. A claim is a lease in Redis that lives as long as a heartbeat: it is
 * renewed at the same pace and free soon after its holder's death. With Redis away for longer than that a claim may
 * pass on; the holder then keeps running and says so.
 */
export class GpuClaims {
  readonly #redis: Redis;
  readonly #host: string;
  readonly #holder: string;
  readonly #logger: Logger;
  #renewal: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #claimed: string | undefined;
  #heldByOther = false;
  #closed: Promise<void> | undefined;

  constructor({ redisUrl, holder, logger, host = hostId() }: GpuClaimsOptions) {
    this.#redis = connectRedis(redisUrl, 'worker', logger);
    this.#host = host;
    this.#holder = JSON.stringify(holder);
    this.#logger = logger;
  }

  /**
   * Claims the first of these GPUs that is free, and keeps it until `close`. While Redis is away it waits.
   *
   * @param uuids best first
   */
  async claimFirstFree(uuids: readonly string[]): Promise<GpuClaimOutcome> {
    const outcome = await this.#claim(uuids);
    if (outcome.kind === 'claimed') this.#keep(outcome.uuid);
    return outcome;
  }

  /**
   * Tells others that this GPU is in use, if nobody has; for a worker that was told which one to take. Where another
   * one has it, that is logged, and the GPU shared.
   */
  share(uuid: string): void {
    this.#keep(uuid);
    this.#renew();
  }

  /** Gives the claimed GPU back, unless Redis is away: then the lease runs out. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    clearInterval(this.#renewal);
    await this.#renewing;
    if (this.#claimed !== undefined && this.#redis.status === 'ready') {
      await runScript(this.#redis, releaseScript, [this.#keyOf(this.#claimed)], [this.#holder]);
    }
    this.#redis.disconnect();
  }

  #keep(uuid: string): void {
    this.#claimed = uuid;
    this.#renewal = setInterval(() => this.#renew(), HEARTBEAT_INTERVAL_MS).unref();
  }

  /** While Redis is away nothing is sent: the next round does. */
  #renew(): void {
    if (this.#claimed === undefined || this.#redis.status !== 'ready') return;
    this.#renewing ??= this.#renewOne(this.#claimed).finally(() => {
      this.#renewing = undefined;
    });
  }

  async #renewOne(uuid: string): Promise<void> {
    try {
      const outcome = await this.#claim([uuid]);
      if (outcome.kind === 'held' && !this.#heldByOther) {
        this.#logger.warn({ uuid, holder: outcome.holders[0] }, 'another worker uses this GPU too');
      }
      this.#heldByOther = outcome.kind === 'held';
    } catch (err) {
      this.#logger.warn({ err }, 'the claim on the GPU was not renewed');
    }
  }

  async #claim(uuids: readonly string[]): Promise<GpuClaimOutcome> {
    const keys = uuids.map((uuid) => this.#keyOf(uuid));
    const reply = await runScript(this.#redis, claimScript, keys, [this.#holder, HEARTBEAT_TTL_MS]);
    const [place, ...holders] = storedValue<[number, ...string[]]>(reply);
    const uuid = uuids[place - 1];
    if (uuid !== undefined) return { kind: 'claimed', uuid };
    return { kind: 'held', holders: holders.map((json) => storedValue<GpuHolder>(JSON.parse(json))) };
  }

  #keyOf(uuid: string): string {
    return redisKeys.gpu(this.#host, uuid);
  }
}
