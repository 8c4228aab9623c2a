import { setTimeout as sleep } from 'node:timers/promises';
import type { GenerationResult, TextDelta } from '#engine';
import type { AttemptLease, JobLifecycle, TextSoFar } from '#queue';
import { AttemptStream } from './attempt-stream.js';
import type { LogprobDescriber } from './describe-logprobs.js';
import { parseSequenceId } from './sequence-id.js';

const RETRY_DELAY_MS = 200;
/** How long a handed-over attempt waits for the answer to its last append. */
const LAST_ANSWER_MS = 1_000;

export interface TokenPublisherParts {
  readonly appendTokens: JobLifecycle['appendTokens'];
  readonly describeLogprobs: LogprobDescriber;
  readonly onWriteError: (error: unknown) => void;
  readonly retryDelayMs?: number;
}

/**
 * Carries the texts of running attempts to their streams. One pipeline at a time holds one append for every text with
 * news, so Redis sees one round trip per step at most; while it is under way, what is further said of a text is merged.
 * Order holds per attempt, and the backlog is bounded by the texts themselves.
 */
export class TokenPublisher {
  private readonly streams = new Map<string, AttemptStream>();
  private round: Promise<void> | null = null;

  constructor(private readonly parts: TokenPublisherParts) {}

  /** @param generated what earlier attempts have published. */
  open(
    attemptKey: string,
    lease: AttemptLease,
    generated: readonly TextSoFar[],
    handedOver: AbortSignal,
  ): void {
    this.streams.set(attemptKey, new AttemptStream(lease, generated, handedOver));
  }

  push(deltas: readonly TextDelta[]): void {
    for (const { id, text, tokenIds, logprobs = [] } of deltas) {
      const { attemptKey, index } = parseSequenceId(id);
      const stream = this.writable(attemptKey);
      stream?.push(index, { text, tokenIds, logprobs: this.parts.describeLogprobs(logprobs) });
    }
    this.startRound();
  }

  /** Says that a text has ended while others of its job go on, so that no later attempt runs it again. */
  endText(sequenceId: string, { finish, tokenIds, logprobs = [] }: GenerationResult): void {
    const { attemptKey, index } = parseSequenceId(sequenceId);
    const stream = this.writable(attemptKey);
    if (stream === undefined || finish === 'aborted') return;
    const from = stream.shown[index]?.tokenIds.length ?? 0;
    const rest = this.parts.describeLogprobs(logprobs.slice(from));
    stream.end(index, { text: '', tokenIds: tokenIds.slice(from), logprobs: rest }, finish);
    this.startRound();
  }

  /**
   * Resolves once Redis has taken or refused all text of the attempt. Of one that is handed over, only what is under
   * way is waited for, and not for long.
   */
  async flush(attemptKey: string): Promise<void> {
    const stream = this.streams.get(attemptKey);
    if (stream === undefined) return;
    const tooLate = sleepAfter(stream.handedOver, LAST_ANSWER_MS).then(() => 'too late' as const);
    while (stream.isBusy) {
      if ((await Promise.race([this.round, tooLate])) === 'too late') return;
    }
  }

  /** Forgets the attempt, with what is unwritten; answers all text it was given, that of earlier attempts included. */
  close(attemptKey: string): readonly TextSoFar[] {
    const stream = this.streams.get(attemptKey);
    this.streams.delete(attemptKey);
    return stream?.shown ?? [];
  }

  private writable(attemptKey: string): AttemptStream | undefined {
    const stream = this.streams.get(attemptKey);
    return stream?.handedOver.aborted === true ? undefined : stream;
  }

  private startRound(): void {
    if (this.round !== null) return;
    const busy = [...this.streams.values()].filter(({ isBusy }) => isBusy);
    if (busy.length > 0) this.round = this.writeRound(busy);
  }

  private async writeRound(streams: readonly AttemptStream[]): Promise<void> {
    const batches = streams.map((stream) => stream.takeAppends());
    try {
      const outcomes = [...(await this.parts.appendTokens(batches.flat()))];
      streams.forEach((stream, i) => stream.settle(outcomes.splice(0, batches[i]?.length ?? 0)));
    } catch (error) {
      this.parts.onWriteError(error);
      await sleep(this.parts.retryDelayMs ?? RETRY_DELAY_MS);
    }
    this.round = null;
    this.startRound();
  }
}

/** Resolves `ms` after the signal aborts; never without that. */
function sleepAfter(signal: AbortSignal, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wait = () => setTimeout(resolve, ms).unref();
    if (signal.aborted) wait();
    else signal.addEventListener('abort', wait, { once: true });
  });
}
