import { describe, expect, it } from 'vitest';
import { SlotPool } from './slot-pool.js';

describe('the slot pool', () => {
  it('lends the lowest free slot, and none when all are taken', () => {
    const pool = new SlotPool(3);
    expect([pool.acquire(), pool.acquire(), pool.acquire(), pool.acquire()]).toEqual([0, 1, 2, undefined]);
    pool.release(2);
    pool.release(0);
    expect([pool.acquire(), pool.used]).toEqual([0, 2]);
  });

  it('notices a slot that is released twice', () => {
    const pool = new SlotPool(1);
    pool.acquire();
    pool.release(0);
    expect(() => pool.release(0)).toThrow(/not held/u);
  });
});
