import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GenerationResult } from '#engine';
import type { AttemptLease, FencedOutcome, JobLifecycle, TokenAppend } from '#queue';
import { sequenceIdOf } from './sequence-id.js';
import { TokenPublisher } from './token-publisher.js';

const leaseOf = (jobId: string): AttemptLease => ({
  jobId,
  model: 'm',
  variant: '8_0',
  attempt: 1,
  lockToken: 'lock',
});
const never = new AbortController().signal;
const openFor = (publisher: TokenPublisher, id: string, handedOver = never) =>
  publisher.open(id, leaseOf(id), [], handedOver);
const delta = (key: string, text: string, index = 0) => ({
  id: sequenceIdOf(key, index),
  text,
  tokenIds: [text.length],
});
const publisherTo = (appendTokens: JobLifecycle['appendTokens'], retryDelayMs = 1) =>
  new TokenPublisher({
    appendTokens,
    describeLogprobs: () => [],
    onWriteError: () => undefined,
    retryDelayMs,
  });

/** Redis as the publisher sees it, one pipeline at a time, answered when the test says so. */
class HeldRedis {
  readonly pipelines: (readonly TokenAppend[])[] = [];
  private answer: (() => void) | undefined;

  readonly appendTokens = (appends: readonly TokenAppend[]): Promise<FencedOutcome[]> => {
    this.pipelines.push(appends);
    return new Promise((resolve) => {
      this.answer = () => resolve(appends.map(() => 'written'));
    });
  };

  async release(): Promise<void> {
    this.answer?.();
    await new Promise(setImmediate);
  }
}

/** Streams that take only ascending numbers, as Redis does, behind a connection that breaks twice at most. */
class FlakyStreams {
  readonly stored: TokenAppend[] = [];
  private failures = 0;

  constructor(private readonly breaks: () => boolean) {}

  readonly appendTokens = async (appends: readonly TokenAppend[]): Promise<FencedOutcome[]> => {
    await new Promise(setImmediate);
    const fails = this.failures < 2 && this.breaks();
    // A failed pipeline may have been half written: its first append is there.
    const outcomes = (fails ? appends.slice(0, 1) : appends).map((append) => this.append(append));
    if (!fails) return outcomes;
    this.failures += 1;
    throw new Error('connection lost');
  };

  private append(append: TokenAppend): FencedOutcome {
    const sameJob = this.stored.filter(({ lease }) => lease.jobId === append.lease.jobId);
    if (sameJob.some(({ sequence }) => sequence === append.sequence)) return 'written';
    if (append.sequence <= (sameJob.at(-1)?.sequence ?? 0)) return 'lost';
    this.stored.push(append);
    return 'written';
  }
}

const ENDED: GenerationResult = {
  text: 'x',
  tokenIds: [],
  resumedTokenCount: 0,
  finish: 'stop',
  promptTokenCount: 1,
  cachedTokenCount: 0,
  timeToFirstTokenMs: 1,
  prefillMs: 1,
  decodeMs: 1,
};

describe('token publisher', () => {
  it('writes the deltas of all slots of a step in one pipeline', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    for (const id of ['a', 'b', 'c']) openFor(publisher, id);
    publisher.push(['a', 'b', 'c'].map((id) => delta(id, id)));
    await new Promise(setImmediate);
    expect(redis.pipelines.map((p) => p.map((append) => append.lease.jobId))).toEqual([['a', 'b', 'c']]);
  });

  it('merges text per job while Redis lags instead of queueing pipelines', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    openFor(publisher, 'a');
    for (const text of ['one', ' two', ' three', ' four']) {
      publisher.push([delta('a', text)]);
      await new Promise(setImmediate);
    }
    await redis.release();
    expect(
      redis.pipelines.flat().map(({ sequence, text, tokenIds }) => [sequence, text, tokenIds.length]),
    ).toEqual([
      [1, 'one', 1],
      [2, ' two three four', 3],
    ]);
  });

  it('flush waits for its own job only, and for all of it', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    openFor(publisher, 'a');
    openFor(publisher, 'busy');
    publisher.push([delta('a', 'x'), delta('busy', '1')]);
    let flushed = false;
    const flushing = publisher.flush('a').then(() => (flushed = true));
    await new Promise(setImmediate);
    publisher.push([delta('a', 'y'), delta('busy', '2')]);
    await redis.release();
    expect(flushed).toBe(false);
    publisher.push([delta('busy', '3')]);
    await redis.release();
    await flushing;
    expect(publisher.close('a')).toMatchObject([{ text: 'xy', tokenIds: [1, 1] }]);
  });

  it('of a handed-over attempt waits for the append under way alone', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    const attempt = new AbortController();
    openFor(publisher, 'a', attempt.signal);
    publisher.push([delta('a', 'under way')]);
    publisher.push([delta('a', ' next')]);
    attempt.abort();
    publisher.push([delta('a', ' let out at the end')]);
    let flushed = false;
    const flushing = publisher.flush('a').then(() => (flushed = true));
    await new Promise(setImmediate);
    expect(flushed).toBe(false);
    await redis.release();
    await flushing;
    expect(redis.pipelines.flat().map(({ text }) => text)).toEqual(['under way']);
  });

  it('of a handed-over attempt gives up even with Redis away', async () => {
    const publisher = publisherTo(() => new Promise(() => undefined));
    openFor(publisher, 'a', AbortSignal.abort());
    const attempt = new AbortController();
    openFor(publisher, 'b', attempt.signal);
    publisher.push([delta('b', 'x')]);
    attempt.abort();
    await expect(publisher.flush('a')).resolves.toBeUndefined();
    await expect(publisher.flush('b')).resolves.toBeUndefined();
  });

  it('counts what earlier attempts have shown as published, and does not write it again', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    const earlier = { text: 'one ', tokenIds: [1, 2], logprobs: [], finishReason: null };
    publisher.open('a', leaseOf('a'), [earlier], never);
    publisher.push([delta('a', 'two')]);
    expect(redis.pipelines.flat().map(({ sequence, text }) => [sequence, text])).toEqual([[1, 'two']]);
    expect(publisher.close('a')).toMatchObject([{ text: 'one two', tokenIds: [1, 2, 3] }]);
  });

  it('writes nothing more of an attempt that Redis refused once', async () => {
    const seen: TokenAppend[] = [];
    const publisher = publisherTo(async (appends) => {
      seen.push(...appends);
      return appends.map(({ lease }) => (lease.jobId === 'stale' ? 'lost' : 'written'));
    });
    for (const id of ['stale', 'ours']) openFor(publisher, id);
    for (const text of ['1', '2', '3']) {
      publisher.push([delta('stale', text), delta('ours', text)]);
      await publisher.flush('ours');
    }
    await publisher.flush('stale');
    expect(seen.map(({ lease, text }) => `${lease.jobId} ${text}`)).toEqual([
      'stale 1',
      'ours 1',
      'ours 2',
      'ours 3',
    ]);
  });

  it('tells the end of a text with the tokens that nobody could see', async () => {
    const redis = new HeldRedis();
    const publisher = publisherTo(redis.appendTokens);
    openFor(publisher, 'a');
    publisher.push([delta('a', 'x', 1)]);
    await redis.release();
    publisher.endText(sequenceIdOf('a', 1), { ...ENDED, tokenIds: [1, 7, 8] });
    expect(
      redis.pipelines
        .flat()
        .map(({ index, text, tokenIds, finishReason }) => [index, text, tokenIds, finishReason]),
    ).toEqual([
      [1, 'x', [1], null],
      [1, '', [7, 8], 'stop'],
    ]);
  });

  it('loses, repeats and reorders nothing, whatever fails in between', async () => {
    const attempts = ['a', 'b'];
    const step = fc.array(
      fc.tuple(fc.constantFrom(...attempts), fc.nat({ max: 2 }), fc.string({ minLength: 1, maxLength: 4 })),
      { maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.infiniteStream(fc.boolean()),
        async (steps, fails) => {
          const redis = new FlakyStreams(() => fails.next().value);
          const publisher = publisherTo(redis.appendTokens);
          for (const id of attempts) openFor(publisher, id);
          for (const deltas of steps) {
            publisher.push(deltas.map(([id, index, text]) => delta(id, text, index)));
            if (deltas.length % 2 === 0) await new Promise(setImmediate);
          }
          for (const id of attempts) {
            await publisher.flush(id);
            const given = steps.flat().filter(([to]) => to === id);
            const appends = redis.stored.filter(({ lease }) => lease.jobId === id);
            expect(appends.map(({ sequence }) => sequence)).toEqual(appends.map((_, i) => i + 1));
            const texts = publisher.close(id);
            for (const index of [0, 1, 2]) {
              const said = given.filter(([, of]) => of === index).map(([, , text]) => text);
              const shown = appends.filter((append) => append.index === index);
              expect(shown.map(({ text }) => text).join('')).toBe(said.join(''));
              expect(texts[index]?.tokenIds.length ?? 0).toBe(said.length);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
