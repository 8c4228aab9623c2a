import { fileURLToPath } from 'node:url';
import { MeasuringProcess } from '../support/measuring-process.js';
import type { CaseFigures, CaseLoad, SystemName, SystemOptions } from './measured-system.js';
import type { PeerModel } from './peer-models.js';
import type { CaseResult } from './results.js';
import type { SideOptions } from './system-side.js';

const SIDE_FILE = fileURLToPath(new URL('system-side.js', import.meta.url));
const WARM_UP = { promptTokens: 32, decodeSteps: 4 };

export interface TurnOptions {
  readonly systems: readonly SystemName[];
  readonly turns: number;
  readonly caseLimitMs: number;
  readonly side: SystemOptions;
  /** Ends the turns after the case in progress. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

type Side = MeasuringProcess<CaseLoad, CaseFigures>;

interface Taken {
  readonly figures: CaseFigures[];
  unable: string | null;
}

/**
 * Every case in turns, A B C A B C, so that a disturbance of the machine hits all of them. Each system stays loaded in
 * a process of its own and only one works at a time.
 *
 * @returns the results, and the share of one core that each system used while it had nothing to do
 */
export async function takeTurns(
  model: PeerModel,
  cases: readonly CaseLoad[],
  options: TurnOptions,
): Promise<{ results: CaseResult[]; idleCpuShares: Record<string, number> }> {
  const seats = options.systems.map((system) => new Seat(system, options));
  try {
    for (let turn = 1; turn <= options.turns; turn += 1) {
      for (const load of cases) {
        if (options.signal.aborted) break;
        for (const seat of seats) await seat.measure(load);
        const { sequences, promptTokens } = load;
        options.say(
          `${model.shape} ${model.bits} bits ${model.kvCache} cache, turn ${turn}/${options.turns}: ${sequences} × ${promptTokens} tokens`,
        );
      }
    }
  } finally {
    for (const seat of seats) await seat.close();
  }
  return {
    results: cases
      .flatMap((load) => seats.map((seat) => seat.resultOf(load, model)))
      .filter(({ turns, unable }) => turns.length > 0 || unable !== null),
    idleCpuShares: Object.fromEntries(seats.map((seat) => [seat.system, seat.idleCpuShare])),
  };
}

/** One system's place in the turns. What it could not do once it is not asked again. */
class Seat {
  readonly system: SystemName;
  readonly #options: TurnOptions;
  readonly #taken = new Map<CaseLoad, Taken>();
  #side: Side | null = null;
  #idleWallMs = 0;
  #idleCpuMs = 0;

  constructor(system: SystemName, options: TurnOptions) {
    this.system = system;
    this.#options = options;
  }

  get idleCpuShare(): number {
    return this.#idleWallMs === 0 ? 0 : this.#idleCpuMs / this.#idleWallMs;
  }

  async measure(load: CaseLoad): Promise<void> {
    const taken = this.#takenOf(load);
    if (taken.unable !== null) return;
    try {
      this.#side ??= await this.#start();
      taken.figures.push(await this.#side.ask(load, this.#options.caseLimitMs));
    } catch (error) {
      taken.unable = error instanceof Error ? error.message : String(error);
      this.#options.say(`${this.system}: ${taken.unable}`);
      if (this.#side?.running !== true) await this.close();
    }
  }

  resultOf(load: CaseLoad, { shape, bits, kvCache, stepBytes }: PeerModel): CaseResult {
    const { figures, unable } = this.#takenOf(load);
    const bytes = this.system === 'node-llama-cpp' ? stepBytes.gguf : stepBytes.onnx;
    return { system: this.system, shape, bits, kvCache, load, turns: figures, unable, stepBytes: bytes };
  }

  async close(): Promise<void> {
    if (this.#side === null) return;
    this.#idleWallMs += this.#side.idle.wallMs;
    this.#idleCpuMs += this.#side.idle.cpuMs;
    await this.#side.stop();
    this.#side = null;
  }

  async #start(): Promise<Side> {
    const { side, caseLimitMs } = this.#options;
    const sideOptions: SideOptions = { ...side, system: this.system };
    const started: Side = await MeasuringProcess.start(SIDE_FILE, sideOptions, caseLimitMs);
    try {
      await started.ask({ ...WARM_UP, sequences: Math.min(2, side.slots) }, caseLimitMs);
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  #takenOf(load: CaseLoad): Taken {
    const taken = this.#taken.get(load) ?? {
      figures: [],
      unable: whyUnable(this.system, this.#options.side),
    };
    this.#taken.set(load, taken);
    return taken;
  }
}

function whyUnable(system: SystemName, { kvCache }: SystemOptions): string | null {
  return system === 'transformers.js' && kvCache === 'int8' ? 'has no int8 cache' : null;
}
