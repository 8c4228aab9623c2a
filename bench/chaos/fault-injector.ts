import { setTimeout as sleep } from 'node:timers/promises';
import { breakSystem } from './break-system.js';
import type { ChaosSystem } from './chaos-system.js';
import type { Fault, PlannedFault } from './plan-faults.js';

/** From before a fault until its target served again, in Unix milliseconds; `toMs` is null until then. */
export interface FaultSpan {
  readonly fault: Fault;
  readonly fromMs: number;
  toMs: number | null;
}

/** Breaks a system by a plan. Faults of different targets overlap; one target has one fault at a time. */
export class FaultInjector {
  readonly spans: FaultSpan[] = [];
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly system: ChaosSystem,
    private readonly onFault: (fault: Fault, atMs: number) => void,
  ) {}

  /** Resolves when every fault has come and gone; rejects, with none under way, where a target does not come back. */
  async inflict(plan: readonly PlannedFault[], signal: AbortSignal): Promise<void> {
    try {
      for (const { afterMs, fault } of plan) {
        await sleep(afterMs, undefined, { signal });
        await this.#underWay.get(targetOf(fault));
        const gone = this.#comeAndGo(fault, signal);
        // Whoever waits for this target, or for the end, hears of a failure; nobody may be waiting yet.
        gone.catch(() => {});
        this.#underWay.set(targetOf(fault), gone);
      }
      await Promise.all(this.#underWay.values());
    } finally {
      await Promise.allSettled(this.#underWay.values());
    }
  }

  async #comeAndGo(fault: Fault, signal: AbortSignal): Promise<void> {
    const span: FaultSpan = { fault, fromMs: Date.now(), toMs: null };
    this.spans.push(span);
    this.onFault(fault, span.fromMs);
    const mend = await breakSystem(this.system, fault);
    await sleep(fault.forMs, undefined, { signal });
    await mend();
    span.toMs = Date.now();
  }
}

function targetOf(fault: Fault): string {
  return 'worker' in fault ? `worker ${fault.worker}` : fault.kind;
}
