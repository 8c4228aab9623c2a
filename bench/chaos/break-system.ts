import type { ChaosSystem } from './chaos-system.js';
import type { Fault } from './plan-faults.js';

/** Breaks one thing. The answer mends it, and resolves when its target serves again. */
export async function breakSystem(system: ChaosSystem, fault: Fault): Promise<() => Promise<void>> {
  switch (fault.kind) {
    case 'worker-killed': {
      const worker = system.worker(fault.worker);
      // The count of its refused writes dies with it.
      await worker.countLateWrites();
      await worker.kill9();
      return () => worker.start();
    }
    case 'worker-drained': {
      const worker = system.worker(fault.worker);
      await worker.countLateWrites();
      await worker.drain();
      return () => worker.start();
    }
    case 'worker-frozen': {
      const worker = system.worker(fault.worker);
      worker.signal('SIGSTOP');
      return async () => {
        worker.signal('SIGCONT');
        await worker.untilReady();
      };
    }
    case 'worker-cut-off':
    case 'worker-unheard': {
      const worker = system.worker(fault.worker);
      if (fault.kind === 'worker-cut-off') worker.cable.cut();
      else worker.cable.silence();
      return async () => {
        worker.cable.heal();
        await worker.untilReady();
      };
    }
    case 'api-killed':
      await system.killApi();
      return () => system.startApi();
    case 'redis-killed':
      await system.redis.kill9();
      return () => system.redis.restart();
    default:
      return fault satisfies never;
  }
}
