import { setTimeout as sleep } from 'node:timers/promises';
import type { TextDelta } from '#engine';
import type { AttemptLease, FencedOutcome, JobLifecycle, TokenAppend } from '#queue';
import type { PublishedText } from './attempt-end.js';

const RETRY_DELAY_MS = 200;

interface AttemptStream {
  readonly lease: AttemptLease;
  readonly onLost: () => void;
  /** Text since the last append. Grows at most to the rest of the job's text, whatever Redis does. */
  pending: PublishedText;
  /** On its way to Redis; kept until Redis has answered, so that a failed write is repeated under the same number. */
  inFlight: TokenAppend | null;
  appends: number;
  published: PublishedText;
}

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

  /** `onLost` is called once if Redis refuses the text because the attempt no longer holds its job. */
  open(attemptKey: string, lease: AttemptLease, onLost: () => void): void {
    this.streams.set(attemptKey, {
      lease,
      onLost,
      pending: NOTHING,
      inFlight: null,
      appends: 0,
      published: NOTHING,
    });
  }

  push(deltas: readonly TextDelta[]): void {
    for (const { id, ...delta } of deltas) {
      const stream = this.streams.get(id);
      if (stream) stream.pending = join(stream.pending, delta);
    }
    this.round ??= this.writeRound();
  }

  /** Resolves once Redis has taken all text of the attempt, or the attempt is lost or aborted. */
  async flush(attemptKey: string, signal: AbortSignal): Promise<void> {
    const stop = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    while (!signal.aborted && this.isBusy(attemptKey)) await Promise.race([this.round, stop]);
  }

  /** Forgets the attempt, with what is unwritten; answers all text it was given. */
  close(attemptKey: string): PublishedText {
    const stream = this.streams.get(attemptKey);
    this.streams.delete(attemptKey);
    return stream ? join(stream.published, stream.pending) : NOTHING;
  }

  private isBusy(attemptKey: string): boolean {
    const stream = this.streams.get(attemptKey);
    return stream !== undefined && (stream.inFlight !== null || stream.pending.text !== '');
  }

  private async writeRound(): Promise<void> {
    // Deltas of one step arrive together; let all of them in before the pipeline leaves.
    await Promise.resolve();
    const batch = [...this.streams].filter(([, stream]) => takeAppend(stream) !== null);
    try {
      const outcomes = await this.write(batch.map(([, stream]) => stream));
      batch.forEach(([key, stream], i) => this.settle(key, stream, outcomes[i]));
    } catch (error) {
      this.onWriteError(error);
      await sleep(this.retryDelayMs);
    }
    const more = [...this.streams.keys()].some((key) => this.isBusy(key));
    this.round = more ? this.writeRound() : null;
  }

  private async write(streams: readonly AttemptStream[]): Promise<readonly FencedOutcome[]> {
    const appends = streams.flatMap((stream) => stream.inFlight ?? []);
    return appends.length === 0 ? [] : this.appendTokens(appends);
  }

  private settle(attemptKey: string, stream: AttemptStream, outcome: FencedOutcome | undefined): void {
    stream.inFlight = null;
    if (outcome !== 'lost' || this.streams.get(attemptKey) !== stream) return;
    this.streams.delete(attemptKey);
    stream.onLost();
  }
}

function takeAppend(stream: AttemptStream): TokenAppend | null {
  // Tokens without text (half a character, a possible stop string) wait for the text they belong to.
  if (stream.inFlight === null && stream.pending.text !== '') {
    const { text, tokenCount } = stream.pending;
    stream.appends += 1;
    stream.inFlight = { lease: stream.lease, sequence: stream.appends, text, tokenCount };
    stream.published = join(stream.published, stream.pending);
    stream.pending = NOTHING;
  }
  return stream.inFlight;
}

function join(a: PublishedText, b: PublishedText): PublishedText {
  return { text: a.text + b.text, tokenCount: a.tokenCount + b.tokenCount };
}
