import { describe, expect, it } from 'vitest';
import { SlotPool } from './slot-pool.js';

describe('the slot pool', () => {
  it('lends the lowest free slot, and none when all are taken', () => {
    const pool = new SlotPool(3);
    expect([pool.acquire(), pool.acquire(), pool.acquire(), pool.acquire()]).toEqual([0, 1, 2, undefined]);
    pool.release(2);
    pool.release(0);
    expect([pool.acquire(), pool.taken()]).toEqual([0, [0, 1]]);
  });

  it('moves a sequence to a free slot only', () => {
    const pool = new SlotPool(3);
    pool.acquire();
    pool.acquire();
    expect(() => pool.move(1, 0)).toThrow(/not free/u);
    pool.release(0);
    pool.move(1, 0);
    expect(pool.taken()).toEqual([0]);
  });

  it('notices a slot that is released twice', () => {
    const pool = new SlotPool(1);
    pool.acquire();
    pool.release(0);
    expect(() => pool.release(0)).toThrow(/not held/u);
  });
});
