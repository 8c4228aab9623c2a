import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createLogger } from '#observability';
import { GracefulDrain, drainOnSignal } from './graceful-drain.js';

const logger = createLogger('test', 'silent');
const settle = () => new Promise(setImmediate);

describe('graceful drain', () => {
  it('closes last what was opened first, one at a time', async () => {
    const drain = new GracefulDrain(logger);
    const trace: string[] = [];
    for (const name of ['redis', 'engine', 'jobs']) {
      drain.onDrain(name, async () => {
        trace.push(`${name} closing`);
        await settle();
        trace.push(`${name} closed`);
      });
    }
    await Promise.all([drain.drain(), drain.drain()]);
    expect(trace).toEqual([
      'jobs closing',
      'jobs closed',
      'engine closing',
      'engine closed',
      'redis closing',
      'redis closed',
    ]);
  });

  it('goes on past a part that fails and one that hangs', async () => {
    const drain = new GracefulDrain(logger);
    let closed = false;
    drain.onDrain('last', async () => {
      closed = true;
    });
    drain.onDrain('hangs', () => new Promise(() => undefined), 1);
    drain.onDrain('fails', () => Promise.reject(new Error('broken')));
    await drain.drain();
    expect(closed).toBe(true);
  });

  it('drains at the first signal and is forced by the second', async () => {
    const source = new EventEmitter();
    const exits: string[] = [];
    let drained = () => undefined as void;
    const drain = () => new Promise<void>((resolve) => (drained = resolve));
    drainOnSignal({ drain, exit: (outcome) => exits.push(outcome), logger }, source);
    source.emit('SIGTERM', 'SIGTERM');
    await settle();
    expect(exits).toEqual([]);
    source.emit('SIGINT', 'SIGINT');
    expect(exits).toEqual(['forced']);
    drained();
    await settle();
    expect(exits).toEqual(['forced', 'drained']);
  });
});
