import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openCApiSide } from './c-api-side.js';
import type { DecodeSideOptions, SideName } from './decode-side.js';
import { openOnnxRuntimeNodeSide } from './onnxruntime-node-side.js';

/** A turn's figures, per step, and what the process holds. */
export interface TurnFigures {
  readonly wallMs: number;
  /** User and system time of all threads. */
  readonly cpuMs: number;
  readonly residentMiB: number;
}

export interface Turn {
  readonly rows: number;
  readonly steps: number;
}

const OPEN = { 'c-api': openCApiSide, 'onnxruntime-node': openOnnxRuntimeNodeSide };

/** A side in a process of its own, so that its memory is its own. It measures a turn when asked. */
export class SideProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(side: SideName, options: DecodeSideOptions): Promise<SideProcess> {
    const child = fork(fileURLToPath(import.meta.url), [side, JSON.stringify(options)]);
    const process = new SideProcess(child);
    await process.#answer();
    return process;
  }

  async measure(turn: Turn): Promise<TurnFigures> {
    this.#child.send(turn);
    return await this.#answer();
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  async #answer(): Promise<TurnFigures> {
    const controller = new AbortController();
    const { signal } = controller;
    const died = once(this.#child, 'exit', { signal }).then(([code]) => {
      throw new Error(`The measuring process ended with code ${code}.`);
    });
    try {
      const [answer] = await Promise.race([once(this.#child, 'message', { signal }), died]);
      return answer;
    } finally {
      controller.abort();
      died.catch(() => undefined);
    }
  }
}

async function measureTurns(side: SideName, options: DecodeSideOptions): Promise<void> {
  const decode = await OPEN[side](options);
  process.on('message', ({ rows, steps }: Turn) => {
    void (async () => {
      const cpu = process.cpuUsage();
      const begin = performance.now();
      for (let step = 0; step < steps; step++) await decode.step(rows);
      const wallMs = (performance.now() - begin) / steps;
      const { user, system } = process.cpuUsage(cpu);
      const residentMiB = process.memoryUsage.rss() / 2 ** 20;
      process.send?.({ wallMs, cpuMs: (user + system) / 1000 / steps, residentMiB } satisfies TurnFigures);
    })();
  });
  process.on('disconnect', () => void decode.close());
  process.send?.({ wallMs: 0, cpuMs: 0, residentMiB: 0 } satisfies TurnFigures);
}

const [, file, side, options] = process.argv;
if (file === fileURLToPath(import.meta.url) && (side === 'c-api' || side === 'onnxruntime-node') && options) {
  await measureTurns(side, JSON.parse(options));
}
