import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpuMsNow } from './cpu-time.js';

/** A measuring process that did not answer in its time; it was ended. */
class MeasuringTimeoutError extends Error {
  override readonly name = 'MeasuringTimeoutError';
}

/** What a process used of the machine since its last answer, while others were asked. */
export interface IdleTime {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** `null` says that it is ready. */
type Reply<Answer> =
  { readonly answer: Answer; readonly idle: IdleTime } | { readonly error: string; readonly idle: IdleTime };

/** A program that answers one question at a time in a process of its own, so that its memory and CPU are its own. */
export class MeasuringProcess<Question extends object, Answer> {
  readonly #child: ChildProcess;
  #idle: IdleTime = { wallMs: 0, cpuMs: 0 };

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts `file` with its options as JSON in its first argument, and waits until it is ready. */
  static async start<Question extends object, Answer>(
    file: string,
    options: object,
    limitMs: number,
  ): Promise<MeasuringProcess<Question, Answer>> {
    const process = new MeasuringProcess<Question, Answer>(fork(file, [JSON.stringify(options)]));
    await process.#answer(limitMs);
    return process;
  }

  /** CPU this process used while it had nothing to do, so far. */
  get idle(): IdleTime {
    return this.#idle;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** @throws MeasuringTimeoutError after `limitMs`, or what went wrong there. */
  async ask(question: Question, limitMs: number): Promise<Answer> {
    this.#child.send(question);
    return await this.#answer(limitMs);
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    const killing = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(killing);
  }

  async #answer(limitMs: number): Promise<Answer> {
    const controller = new AbortController();
    const { signal } = controller;
    const died = once(this.#child, 'exit', { signal }).then(([code, by]) => {
      throw new Error(`The measuring process ended with ${code ?? by}.`);
    });
    const late = AbortSignal.timeout(limitMs);
    try {
      const replied = once(this.#child, 'message', { signal: AbortSignal.any([signal, late]) });
      const [reply] = await Promise.race([replied, died]);
      return this.#take(reply);
    } catch (error) {
      if (!late.aborted) throw error;
      this.#child.kill('SIGKILL');
      throw new MeasuringTimeoutError(`took longer than ${Math.round(limitMs / 1000)} s`, { cause: error });
    } finally {
      controller.abort();
      died.catch(() => undefined);
    }
  }

  #take(reply: Reply<Answer>): Answer {
    const { wallMs, cpuMs } = reply.idle;
    this.#idle = { wallMs: this.#idle.wallMs + wallMs, cpuMs: this.#idle.cpuMs + cpuMs };
    if ('error' in reply) throw new Error(reply.error);
    return reply.answer;
  }
}

/** What a measuring process measures, for questions of one kind. */
export interface Measured<Question, Answer> {
  measure(question: Question): Promise<Answer>;
  close(): Promise<void>;
}

/** The other side: answers each question, and closes what it measures when the asking process is gone. */
export function answerQuestions<Question, Answer>(measured: Measured<Question, Answer>): void {
  let since = readClocks();
  const idleTime = () => {
    const now = readClocks();
    return { wallMs: now.wallMs - since.wallMs, cpuMs: now.cpuMs - since.cpuMs };
  };
  const reply = (message: Reply<Answer | null>) => {
    process.send?.(message);
    since = readClocks();
  };
  // A terminal interrupts the asking process and this one alike; whether this one ends is for that one to say.
  process.on('SIGINT', () => undefined);
  process.on('message', (question: Question) => {
    const idle = idleTime();
    measured.measure(question).then(
      (answer) => reply({ answer, idle }),
      (error: unknown) => reply({ error: String(error), idle }),
    );
  });
  process.on('disconnect', () => void measured.close().finally(() => process.exit()));
  reply({ answer: null, idle: { wallMs: 0, cpuMs: 0 } });
}

function readClocks(): IdleTime {
  return { wallMs: performance.now(), cpuMs: cpuMsNow() };
}
