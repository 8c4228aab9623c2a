/** Leave to deliver to a host now, or how long to put the delivery off. */
export type HostTurn =
  | { readonly kind: 'enter'; leave(nowMs: number): void }
  | { readonly kind: 'wait'; readonly delayMs: number };

/** Longest time that a delivery is put off at once; a host that recovers is noticed within it. */
export const MOST_DEFERRAL_MS = 5 * 60_000;
const LEAST_DEFERRAL_MS = 20;
/** Weight of the newest delivery in a host's mean duration. */
const NEWEST_WEIGHT = 0.2;

interface Started {
  readonly startedAtMs: number;
}

interface Host {
  /** Deliveries to it, oldest first. */
  readonly underWay: Set<Started>;
  meanDurationMs: number;
  /** When the next one that is put off comes back. */
  nextTurnAtMs: number;
}

/**
 * Bounds the deliveries that one process makes to each host at once, so that a slow receiver holds up its own alone.
 * What finds no room is put off, each one later than the one before by the time in which the host frees a slot: however
 * many wait for a dead host, they come back no faster than it takes them. Hosts are forgotten when nothing is left to
 * know of them.
 */
export class HostSlots {
  readonly #hosts = new Map<string, Host>();

  constructor(private readonly perHost: number) {}

  /** How many hosts are known now. */
  get size(): number {
    return this.#hosts.size;
  }

  /** @param random in [0, 1), spreads what would come back at the far end all at once */
  take(name: string, nowMs: number, random: number): HostTurn {
    const host = this.#hosts.get(name) ?? {
      underWay: new Set<Started>(),
      meanDurationMs: 0,
      nextTurnAtMs: 0,
    };
    this.#hosts.set(name, host);
    if (host.underWay.size >= this.perHost)
      return { kind: 'wait', delayMs: this.#defer(host, nowMs, random) };
    const mine = { startedAtMs: nowMs };
    host.underWay.add(mine);
    return { kind: 'enter', leave: (endMs) => this.#leave(name, host, mine, endMs) };
  }

  #defer(host: Host, nowMs: number, random: number): number {
    const atMs = Math.max(host.nextTurnAtMs, nowMs) + this.#paceMs(host, nowMs);
    if (atMs > nowMs + MOST_DEFERRAL_MS) return Math.ceil(MOST_DEFERRAL_MS * (0.5 + random / 2));
    host.nextTurnAtMs = atMs;
    return Math.ceil(Math.max(atMs - nowMs, LEAST_DEFERRAL_MS));
  }

  /** Time in which the host frees a slot, by its deliveries so far and by the oldest one under way. */
  #paceMs({ underWay, meanDurationMs }: Host, nowMs: number): number {
    const [oldest] = underWay;
    const durationMs = Math.max(meanDurationMs, nowMs - (oldest?.startedAtMs ?? nowMs), LEAST_DEFERRAL_MS);
    return durationMs / this.perHost;
  }

  #leave(name: string, host: Host, mine: Started, nowMs: number): void {
    const paceBeforeMs = this.#paceMs(host, nowMs);
    host.underWay.delete(mine);
    host.meanDurationMs += (nowMs - mine.startedAtMs - host.meanDurationMs) * NEWEST_WEIGHT;
    // The line moves at the new pace: a host that has recovered puts nothing off for long.
    const lineMs = Math.max(host.nextTurnAtMs - nowMs, 0) * (this.#paceMs(host, nowMs) / paceBeforeMs);
    host.nextTurnAtMs = nowMs + lineMs;
    if (host.underWay.size === 0 && lineMs < LEAST_DEFERRAL_MS) this.#hosts.delete(name);
  }
}
