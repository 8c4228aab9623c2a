import type { WorkerHeartbeat } from '#contracts';

/** What all ready workers of one variant offer together. */
export interface ServedVariant {
  readonly model: string;
  readonly variant: string;
  readonly bitsPerWeight: number;
  /** The smallest context among the workers: any of them may take the job. */
  readonly contextTokens: number;
  readonly workers: number;
  /** Those workers. */
  readonly members: readonly WorkerHeartbeat[];
  readonly slots: number;
  readonly slotsUsed: number;
  readonly tokensPerSecond: number;
}

/** Ready workers grouped by variant, by model name and then most bits first. */
export function servedVariants(workers: readonly WorkerHeartbeat[]): readonly ServedVariant[] {
  const groups = new Map<string, ServedVariant>();
  for (const worker of workers) {
    if (worker.status !== 'ready') continue;
    const key = `${worker.model}:${worker.variant}`;
    groups.set(key, addWorker(groups.get(key), worker));
  }
  return [...groups.values()].toSorted(
    (a, b) => a.model.localeCompare(b.model) || b.bitsPerWeight - a.bitsPerWeight,
  );
}

function addWorker(group: ServedVariant | undefined, worker: WorkerHeartbeat): ServedVariant {
  return {
    model: worker.model,
    variant: worker.variant,
    bitsPerWeight: worker.bitsPerWeight,
    contextTokens: Math.min(group?.contextTokens ?? Infinity, worker.contextTokens),
    workers: (group?.workers ?? 0) + 1,
    members: [...(group?.members ?? []), worker],
    slots: (group?.slots ?? 0) + worker.slots,
    slotsUsed: (group?.slotsUsed ?? 0) + worker.slotsUsed,
    tokensPerSecond: (group?.tokensPerSecond ?? 0) + worker.tokensPerSecond,
  };
}

/** `drover-tiny (8_0, 6_5), other (5_0)`, for messages. */
export function describeServed(served: readonly ServedVariant[]): string {
  if (served.length === 0) return 'no worker is live';
  const byModel = Map.groupBy(served, (entry) => entry.model);
  return [...byModel]
    .map(([model, entries]) => `${model} (${entries.map((entry) => entry.variant).join(', ')})`)
    .join(', ');
}
