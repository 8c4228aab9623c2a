import { setTimeout as sleep } from 'node:timers/promises';
import type { TextDelta } from '#engine';
import type { AttemptLease, FencedOutcome, JobLifecycle, TokenAppend } from '#queue';
import type { PublishedText } from './attempt-end.js';

const RETRY_DELAY_MS = 200;

type TokenText = Omit<TextDelta, 'id'>;

interface AttemptStream {
  readonly lease: AttemptLease;
  /** Text since the last append. Grows at most to the rest of the job's text, whatever Redis does. */
  pending: TokenText;
  /** On its way to Redis; kept until Redis has answered, so that a failed write is repeated under the same number. */
  inFlight: TokenAppend | null;
  appends: number;
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

  open(attemptKey: string, lease: AttemptLease): void {
    this.streams.set(attemptKey, {
      lease,
      pending: NO_TEXT,
      inFlight: null,
      appends: 0,
      published: NOTHING,
      refused: false,
    });
  }

  push(deltas: readonly TextDelta[]): void {
    for (const { id, ...delta } of deltas) {
      const stream = this.streams.get(id);
      if (stream) {
        stream.pending = {
          text: stream.pending.text + delta.text,
          tokenIds: [...stream.pending.tokenIds, ...delta.tokenIds],
        };
      }
    }
    this.startRound();
  }

  /** Resolves once Redis has taken or refused all text of the attempt, or the signal aborts. */
  async flush(attemptKey: string, signal: AbortSignal): Promise<void> {
    const stop = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (this.isOpenAndBusy(attemptKey) && !signal.aborted) await Promise.race([this.round, stop]);
  }

  /** Forgets the attempt, with what is unwritten; answers all text it was given. */
  close(attemptKey: string): PublishedText {
    const stream = this.streams.get(attemptKey);
    this.streams.delete(attemptKey);
    return stream ? publish(stream.published, stream.pending) : NOTHING;
  }

  private isOpenAndBusy(attemptKey: string): boolean {
    const stream = this.streams.get(attemptKey);
    return stream !== undefined && isBusy(stream);
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

/** Has something for Redis. Tokens without text (half a character) wait for the text they belong to. */
function isBusy({ refused, inFlight, pending }: AttemptStream): boolean {
  return !refused && (inFlight !== null || pending.text !== '');
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
