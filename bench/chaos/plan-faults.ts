import { SeededRandom } from './seeded-random.js';

export const WORKERS = 3;

/** One thing that breaks, and for how long. */
export type Fault =
  | { readonly kind: 'worker-killed'; readonly worker: number; readonly forMs: number }
  /** SIGTERM with next to no time to finish: it hands its jobs over. */
  | { readonly kind: 'worker-drained'; readonly worker: number; readonly forMs: number }
  /** SIGSTOP, then SIGCONT: it wakes up believing that it still holds its jobs. */
  | { readonly kind: 'worker-frozen'; readonly worker: number; readonly forMs: number }
  /** Its connections to Redis are closed and no new one is let in. */
  | { readonly kind: 'worker-cut-off'; readonly worker: number; readonly forMs: number }
  /** Its connections stay open and nothing passes until all that was held arrives late. */
  | { readonly kind: 'worker-unheard'; readonly worker: number; readonly forMs: number }
  | { readonly kind: 'api-killed'; readonly forMs: number }
  | { readonly kind: 'redis-killed'; readonly forMs: number };

type FaultKind = Fault['kind'];

export interface PlannedFault {
  /** Since the fault before it began. It begins later where its target has not recovered by then. */
  readonly afterMs: number;
  readonly fault: Fault;
}

/** Faults are dealt from this deck, shuffled anew each time, so that every ten of them have all kinds. */
const DECK: readonly FaultKind[] = [
  'worker-killed',
  'worker-killed',
  'worker-killed',
  'worker-drained',
  'worker-frozen',
  'worker-frozen',
  'worker-cut-off',
  'worker-unheard',
  'api-killed',
  'redis-killed',
];

/** The lock of a job holds 6 s after its last renewal, so most of these outlive it and some do not. */
const OUT_OF_TOUCH_MS = [3_000, 9_000] as const;
const RESTART_MS = [0, 700] as const;
const GAP_MS = [300, 2_500] as const;

/** The same faults in the same order for the same seed. */
export function planFaults(seed: number, count: number): PlannedFault[] {
  const random = new SeededRandom(seed);
  const planned: PlannedFault[] = [];
  while (planned.length < count) {
    for (const kind of random.shuffled(DECK)) {
      planned.push({ afterMs: random.between(...GAP_MS), fault: drawFault(kind, random) });
    }
  }
  return planned.slice(0, count);
}

export function describeFault(fault: Fault): string {
  const worker = 'worker' in fault ? ` (worker-${fault.worker})` : '';
  return `${fault.kind}${worker} for ${fault.forMs} ms`;
}

function drawFault(kind: FaultKind, random: SeededRandom): Fault {
  switch (kind) {
    case 'worker-killed':
    case 'worker-drained':
      return { kind, worker: random.between(0, WORKERS - 1), forMs: random.between(...RESTART_MS) };
    case 'worker-frozen':
    case 'worker-cut-off':
    case 'worker-unheard':
      return { kind, worker: random.between(0, WORKERS - 1), forMs: random.between(...OUT_OF_TOUCH_MS) };
    case 'api-killed':
    case 'redis-killed':
      return { kind, forMs: random.between(...RESTART_MS) };
    default:
      return kind satisfies never;
  }
}
