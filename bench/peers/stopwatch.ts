import { cpuMsNow } from '../support/cpu-time.js';
import type { CaseFigures, CaseLoad } from './measured-system.js';

interface Reading {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Reads both clocks where a case begins, where every prompt has given its first token, and where it ends. */
export class Stopwatch {
  readonly #begin = readClocks();
  #prefilled: Reading | undefined;

  prefilled(): void {
    this.#prefilled = readClocks();
  }

  figures({ sequences, promptTokens, decodeSteps }: CaseLoad): CaseFigures {
    if (this.#prefilled === undefined) throw new Error('The prompts were never over. This is a bug.');
    const prefill = perToken(this.#begin, this.#prefilled, sequences * promptTokens);
    const decode = perToken(this.#prefilled, readClocks(), sequences * decodeSteps);
    return {
      decodeTokensPerS: decode.tokensPerS,
      decodeCpuMsPerToken: decode.cpuMs,
      prefillTokensPerS: prefill.tokensPerS,
      prefillCpuMsPerToken: prefill.cpuMs,
    };
  }
}

function readClocks(): Reading {
  return { wallMs: performance.now(), cpuMs: cpuMsNow() };
}

function perToken(from: Reading, to: Reading, tokens: number): { tokensPerS: number; cpuMs: number } {
  return {
    tokensPerS: (tokens * 1000) / (to.wallMs - from.wallMs),
    cpuMs: (to.cpuMs - from.cpuMs) / tokens,
  };
}
