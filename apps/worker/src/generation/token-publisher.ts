import { setTimeout as sleep } from 'node:timers/promises';
import type { TextDelta } from '#engine';
import type { AttemptLease, FencedOutcome, GeneratedSoFar, JobLifecycle, TokenAppend } from '#queue';
import type { PublishedText } from './attempt-end.js';

const RETRY_DELAY_MS = 200;
/** How long a handed-over attempt waits for the answer to its last append. */
const LAST_ANSWER_MS = 1_000;

type TokenText = Omit<TextDelta, 'id'>;

interface AttemptStream {
  readonly lease: AttemptLease;
  /** Aborts when the job is no longer this attempt's: what is not under way by then is the next attempt's to make. */
  readonly handedOver: AbortSignal;
  /** Text since the last append. Grows at most to the rest of the job's text, whatever Redis does. */
  pending: TokenText;
  /** On its way to Redis; kept until Redis has answered, so that a failed write is repeated under the same number. */
  inFlight: TokenAppend | null;
  appends: number;
  /** Text that clients see or will see, that of earlier attempts included. */
  published: PublishedText;
  /** Redis refused an append: a newer attempt writes now. The queue tells this one when it looks next. */
  refused: boolean;
}

const NO_TEXT: TokenText = { text: '', tokenIds: [] };
const NOTHING: PublishedText = { text: '', tokenCount: 0 };

/**
 * Carries the text of running attempts to their streams. One pipeline at a time holds one append for every attempt
 * with news, so Redis sees one round trip per step at most; while it is under way, further text of an attempt is
 * merged. Order holds per attempt, and the backlog is bounded by the texts themselves.
 */
export class TokenPublisher {
  private readonly streams = new Map<string, AttemptStream>();
  private round: Promise<void> | null = null;

  constructor(
    private readonly appendTokens: JobLifecycle['appendTokens'],
    private readonly onWriteError: (error: unknown) => void,
    private readonly retryDelayMs = RETRY_DELAY_MS,
  ) {}

  /** @param shown what earlier attempts have published. */
  open(attemptKey: string, lease: AttemptLease, shown: GeneratedSoFar, handedOver: AbortSignal): void {
    this.streams.set(attemptKey, {
      lease,
      handedOver,
      pending: NO_TEXT,
      inFlight: null,
      appends: 0,
      published: { text: shown.text, tokenCount: shown.tokenIds.length },
      refused: false,
    });
  }

  push(deltas: readonly TextDelta[]): void {
    for (const { id, text, tokenIds } of deltas) {
      const stream = this.streams.get(id);
      if (stream === undefined || stream.handedOver.aborted) continue;
      const { pending } = stream;
      stream.pending = { text: pending.text + text, tokenIds: [...pending.tokenIds, ...tokenIds] };
    }
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
    while (isBusy(stream)) {
      if ((await Promise.race([this.round, tooLate])) === 'too late') return;
    }
  }

  /** Forgets the attempt, with what is unwritten; answers all text it was given. */
  close(attemptKey: string): PublishedText {
    const stream = this.streams.get(attemptKey);
    this.streams.delete(attemptKey);
    return stream ? publish(stream.published, stream.pending) : NOTHING;
  }

  private startRound(): void {
    if (this.round !== null) return;
    const busy = [...this.streams.values()].filter(isBusy);
    if (busy.length > 0) this.round = this.writeRound(busy);
  }

  private async writeRound(batch: readonly AttemptStream[]): Promise<void> {
    try {
      const outcomes = await this.appendTokens(batch.map(takeAppend));
      batch.forEach((stream, i) => settle(stream, outcomes[i]));
    } catch (error) {
      this.onWriteError(error);
      await sleep(this.retryDelayMs);
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

/** Has something for Redis. Tokens without text (half a character) wait for the text they belong to. */
function isBusy({ refused, inFlight, pending, handedOver }: AttemptStream): boolean {
  return !refused && (inFlight !== null || (pending.text !== '' && !handedOver.aborted));
}

function takeAppend(stream: AttemptStream): TokenAppend {
  if (stream.inFlight !== null) return stream.inFlight;
  const { lease, pending } = stream;
  stream.appends += 1;
  stream.inFlight = { lease, sequence: stream.appends, ...pending };
  stream.published = publish(stream.published, pending);
  stream.pending = NO_TEXT;
  return stream.inFlight;
}

function settle(stream: AttemptStream, outcome: FencedOutcome | undefined): void {
  stream.inFlight = null;
  stream.refused = outcome === 'lost';
}

function publish({ text, tokenCount }: PublishedText, next: TokenText): PublishedText {
  return { text: text + next.text, tokenCount: tokenCount + next.tokenIds.length };
}
