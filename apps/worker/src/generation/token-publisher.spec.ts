import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AttemptLease, FencedOutcome, TokenAppend } from '#queue';
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
  publisher.open(id, leaseOf(id), { text: '', tokenIds: [] }, handedOver);
const ignoreErrors = () => undefined;
const delta = (id: string, text: string) => ({ id, text, tokenIds: [text.length] });

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

describe('token publisher', () => {
  it('writes the deltas of all slots of a step in one pipeline', async () => {
    const redis = new HeldRedis();
    const publisher = new TokenPublisher(redis.appendTokens, ignoreErrors);
    for (const id of ['a', 'b', 'c']) openFor(publisher, id);
    publisher.push(['a', 'b', 'c'].map((id) => delta(id, id)));
    await new Promise(setImmediate);
    expect(redis.pipelines.map((p) => p.map((append) => append.lease.jobId))).toEqual([['a', 'b', 'c']]);
  });

  it('merges text per job while Redis lags instead of queueing pipelines', async () => {
    const redis = new HeldRedis();
    const publisher = new TokenPublisher(redis.appendTokens, ignoreErrors);
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
    const publisher = new TokenPublisher(redis.appendTokens, ignoreErrors);
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
    expect(publisher.close('a')).toEqual({ text: 'xy', tokenCount: 2 });
  });

  it('of a handed-over attempt waits for the append under way alone', async () => {
    const redis = new HeldRedis();
    const publisher = new TokenPublisher(redis.appendTokens, ignoreErrors);
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
    const publisher = new TokenPublisher(() => new Promise(() => undefined), ignoreErrors);
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
    const publisher = new TokenPublisher(redis.appendTokens, ignoreErrors);
    publisher.open('a', leaseOf('a'), { text: 'one ', tokenIds: [1, 2] }, never);
    publisher.push([delta('a', 'two')]);
    expect(redis.pipelines.flat().map(({ sequence, text }) => [sequence, text])).toEqual([[1, 'two']]);
    expect(publisher.close('a')).toEqual({ text: 'one two', tokenCount: 3 });
  });

  it('writes nothing more of an attempt that Redis refused once', async () => {
    const seen: TokenAppend[] = [];
    const publisher = new TokenPublisher(async (appends) => {
      seen.push(...appends);
      return appends.map(({ lease }) => (lease.jobId === 'stale' ? 'lost' : 'written'));
    }, ignoreErrors);
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

  it('loses, repeats and reorders nothing, whatever fails in between', async () => {
    const step = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.string({ maxLength: 4 })), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.infiniteStream(fc.boolean()),
        async (steps, fails) => {
          const stored = new Map<string, TokenAppend>();
          let failures = 0;
          const publisher = new TokenPublisher(
            async (appends) => {
              await new Promise(setImmediate);
              const fail = failures < 2 && fails.next().value;
              // A failed pipeline may have been half written: its first append is there.
              for (const append of fail ? appends.slice(0, 1) : appends) {
                stored.set(`${append.lease.jobId}-${append.sequence}`, append);
              }
              if (fail) failures += 1;
              if (fail) throw new Error('connection lost');
              return appends.map(() => 'written' as const);
            },
            ignoreErrors,
            1,
          );
          for (const id of ['a', 'b', 'c']) openFor(publisher, id);
          for (const deltas of steps) {
            publisher.push(deltas.map(([id, text]) => delta(id, text)));
            if (deltas.length % 2 === 0) await new Promise(setImmediate);
          }
          for (const id of ['a', 'b', 'c']) {
            await publisher.flush(id);
            const appends = [...stored.values()].filter(({ lease }) => lease.jobId === id);
            const given = steps.flat().filter(([to]) => to === id);
            expect(appends.map(({ text }) => text).join('')).toBe(given.map(([, text]) => text).join(''));
            expect(appends.map(({ sequence }) => sequence)).toEqual(appends.map((_, i) => i + 1));
            expect(publisher.close(id).tokenCount).toBe(given.length);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
